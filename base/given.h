/* Ids that the pages of a listing gave: a list of lists, one of each page behind that of the page before. A page's list is
 * open while the page is being filled, then closed and shared by all that go on from there. NULL is the empty list. */
#ifndef BASE_GIVEN_H
#define BASE_GIVEN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/strings.h"

struct given;

/* The list with one id more: the same where it is open, else a new one that takes the caller's hold on it over.
 * NULL: out of memory, and the list is as before. */
struct given *given_add(struct given *g, const char *id);

struct given *given_close(struct given *g); /* from now on others may hold it; the list may move */
struct given *given_hold(struct given *g);  /* of a closed one; returns it */
void given_let_go(struct given *g);

size_t given_count(const struct given *g);
size_t given_bytes(void); /* that all lists of the process take */

/* The ids joined by ','. */
void given_write(const struct given *g, struct buf *out);

/* Whether each of these ids is in the list. */
const bool *given_find(const struct given *g, const struct strings *ids, struct arena *arena);

#endif
