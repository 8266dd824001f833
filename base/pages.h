/* Pages of a listing that stay true while others write (contract A1): page k + 1 of the same connection, filter, order and page size
 * continues behind the last row of its page k. So a row that keeps its place in the order comes exactly once, whatever
 * comes, goes or moves around it. Where rows may change their place, the rows given are noted too: the listing leaves out
 * what it gave before, and can look for what moved behind it.
 *
 * Kept in this process for the last few thousand pages. Where a page's end is not known (another node served it, the
 * gateway was restarted) the page is counted off from the start.
 *
 * Under update_time rows changed after the first page began report its stamp as update_time at most: so a poller that
 * takes the highest update_time and asks for more from there misses no change. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/db.h"
#include "base/given.h"

/* By which column, in which direction; the id settles ties. Fixed texts. */
struct order {
    const char *sort; /* "update_time:desc", as requests name it */
    const char *column, *id;
    bool text; /* the column is text, else bigint; never NULL */
    bool descending;
    size_t noted; /* so many rows given are noted, because they may change their place; 0: they never do */
};

/* The one that is called so; sort == NULL: the first. */
const struct order *order_named(const struct order *orders, size_t n, const char *sort);
void order_add(const struct order *o, struct sql *q, const char *table); /* " order by ..." */

/* Where a reader stands in a listing. */
struct place {
    bool begun;       /* a row was given, and this is the last one: */
    int64_t number;   /* value of the order's column, */
    char *text;       /* where that is text (malloc), */
    char id[52];      /* and id */
    int64_t snapshot; /* the client's newest stamp when page 1 was read, set by the listing */
    bool whole;       /* every row given since page 1 is noted */
    struct given *given;
};

/* One page on its way. */
struct walk {
    const struct order *order;
    char reader[96]; /* client and session */
    uint64_t listing;
    int64_t page;
    int64_t leap; /* rows to leap, because nobody knows where the page before ended; else 0 */
    struct place at;
};
#define scope_walk __attribute__((cleanup(walk_end)))

/* A reader's page of what `filter` lists: the same text and values name the same listing. `order` lives on. */
struct walk walk_begin(const char *client_id, const char *session_id, const struct sql *filter,
                       const struct order *order, int64_t page, int64_t page_size);
void walk_end(struct walk *w);

/* Adds " and (column, id) > (?, ?)": what comes behind the last row given; nothing where none was. */
void walk_add_behind(const struct walk *w, struct sql *q, const char *table);

/* Adds " and id not in (...)": what was not given yet, as far as it is noted. */
void walk_add_not_given(const struct walk *w, struct sql *q, const char *table);

/* The last row of those just given: number or text, as the order says. */
void walk_note_last(struct walk *w, int64_t number, const char *text, const char *id);

/* A row just given. */
void walk_note_given(struct walk *w, const char *id);

/* Keeps where the page ended for the next one. The walk may go on, and be kept again. */
void walk_remember(struct walk *w);

#endif
