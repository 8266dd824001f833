/* What the parts of a load share: the connection's settings, progress on stderr. */
#ifndef DEMO_SESSION_H
#define DEMO_SESSION_H

#include <stdatomic.h>

#include "base/db.h"
#include "demo/timeline.h"

/* A connection of the owner, set for bulk work. NULL: failed, logged. */
struct db_admin *session_open(const char *owner_url);
/* From here on no foreign keys are checked and only triggers that render run. */
enum err session_trust(struct db_admin *admin) must_check;

enum err session_copy(struct db_admin *admin, const char *table, const char *columns,
                      const struct copy *rows) must_check;

/* Says "what: done of total (percent), rate" at most twice a second on a terminal, else every 10 s; thread-safe. */
struct progress {
    const char *what;
    int64_t total, begun_ms;
    atomic_long done, said_ms;
};
void progress_begin(struct progress *p, const char *what, int64_t total);
void progress_add(struct progress *p, int64_t n);
void progress_end(struct progress *p);

/* The history of all that the timeline tells, appended to the client's ledger, and its clock set after it. Inside the caller's
 * transaction. *rows: how many it is. */
enum err history_write(struct db_admin *admin, const struct world *w, const struct timeline *t,
                       int64_t *rows) must_check;

#endif
