/* The one place that moves a response out of the state New. Used by decisions of people, by creating (accepted at
 * once) and by the deadline worker. Source: contract A7, security.md "Response actions". */
#ifndef RESPONSES_DECIDE_H
#define RESPONSES_DECIDE_H

#include "auth/request.h"

struct decision {
    const char *status; /* Confirmed | Declined */
    const char *comment;
    const char *kind, *id, *name;        /* decided_by: user, connection, setting, deadline */
    const char *changed_by, *connection; /* of the ledger rows */
    bool approves;                       /* a person's confirmation: added to the approvals */
    bool by_deadline;                    /* applies when the deadline has passed; all others only until then */
};

/* Decision of the person who sent the request. */
struct decision decision_of(const struct request *r, const char *status, const char *comment);

/* Locks the incidents of these responses: parents first and by id, as everywhere, so that two batches cannot wait for one another. */
enum err responses_lock_incidents(struct request *r, struct tx *tx, const struct strings *ids) must_check;

/* One response to be decided. */
struct decided {
    const char *response_id;
    bool final; /* false: the first of two confirmations, stays New */
    bool two_people;
};

/* Decides n responses in this order with the stamps first, first + 1, ...: guarded update (still New, in time),
 * ledger row each, no longer due; what is confirmed waits to be carried out, on an asset of the tenant that it has now. The incident and,
 * where it confirms, the assets are locked, the clock taken; incident_touch() follows. *changed < n: some were not New any more or out
 * of time - roll back. */
enum err decide_apply(struct request *r, struct tx *tx, const struct decision *d, const struct decided *list, size_t n,
                      int64_t first, int *changed) must_check;

/* Appends the objects of these ids in this order, separated by commas. unread: as create replies show them. */
enum err responses_show(struct request *r, struct tx *tx, const struct strings *ids, bool unread,
                        struct buf *out) must_check;

#endif
