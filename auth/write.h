/* The frame of every write: begin, guard and change, take the clock, append to the ledger, commit.
 *
 *     scope_tx struct tx tx = {0};
 *     TRY(write_begin(r, &tx));
 *     TRY(write_lock_client(r, &tx));          where one must come after the other
 *     ... lock and change rows ...
 *     TRY(write_clock(&tx, n, &first));        after every other lock
 *     ... what needs the stamps, with ledger_append() in the same statement ...
 *     return write_commit(r, &tx, last, out);  stores the Idempotency-Key's answer, commits, tells the feed
 *
 * Source: design.md "The spine". */
#ifndef AUTH_WRITE_H
#define AUTH_WRITE_H

#include "auth/request.h"

enum err write_begin(struct request *r, struct tx *tx) must_check;
/* Locks the client until the commit, before every other lock. Rules, freezes and whatever is accepted automatically change one
 * after the other on all nodes, and so does what there may be only so much of. share: beside others who share, not beside who locks;
 * they come in the order in which they asked. */
enum err write_lock_client(struct request *r, struct tx *tx) must_check;
enum err write_share_client(struct request *r, struct tx *tx) must_check;
/* wide: what follows sees all tenants of the client, for what is counted or kept true over all of them; else those of its scope again. */
enum err write_scope(struct tx *tx, bool wide) must_check;
enum err write_clock(struct tx *tx, int n, int64_t *first) must_check; /* n consecutive stamps, ms */
/* `last` is the last stamp taken, 0 = none. `out` must hold the whole reply. ERR_UNAVAILABLE: outcome unknown. */
enum err write_commit(struct request *r, struct tx *tx, int64_t last, struct reply *out) must_check;

/* Who changes something, for the ledger rows of sessions and users, which are written in several places. stamp is filled
 * with the first use: the client's clock is taken then, so every other lock comes before. It stays 0 where there is no
 * client. */
struct change {
    const char *by, *connection; /* name; session id, "" for the command line and the gateway itself */
    int64_t stamp;
};
struct change change_of(const struct request *r);
enum err change_stamp(struct tx *tx, struct change *c) must_check;

#endif
