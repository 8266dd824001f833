/* What may become of a confirmed response, as a pure table: no SQL, no clock. Whoever moves one reads the facts of the
 * locked row, asks here, and writes the new state.
 *
 *     none -> pending -> leased -> running -> succeeded | failed
 *     pending <- leased                        the lease ended, nothing was started
 *     pending, leased -> expired               not_after passed, nothing was started
 *     running -> unknown                       not_after passed, nobody said how it ended
 *     pending -> cancelled | failed            taken back | refused when it was to be handed out
 *     pending -> none                          the asset moved or is critical by now: New again (responses/approval.h)
 *
 * Each handing out has an epoch of its own. A connector may act only after its report `running` was taken: that is the fence
 * which keeps two from acting. What ran is never handed to another; the same connector gets it again, still running, and its
 * journal answers. What a connector says of the end is taken whenever nothing else can have happened since. Source:
 * contract B3, security.md "Response actions". */
#ifndef RESPONSES_EXECUTION_H
#define RESPONSES_EXECUTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define EXECUTION_STATES(X)                                                                                            \
    X(NONE, "none")                                                                                                    \
    X(PENDING, "pending")                                                                                              \
    X(LEASED, "leased")                                                                                                \
    X(RUNNING, "running")                                                                                              \
    X(SUCCEEDED, "succeeded")                                                                                          \
    X(FAILED, "failed")                                                                                                \
    X(EXPIRED, "expired")                                                                                              \
    X(UNKNOWN, "unknown")                                                                                              \
    X(CANCELLED, "cancelled")

enum execution_state {
#define X(name, text) EXECUTION_##name,
    EXECUTION_STATES(X)
#undef X
        EXECUTION_STATES_N
};

const char *execution_name(enum execution_state s);
enum execution_state execution_parse(const char *name); /* one of the names above, else EXECUTION_NONE */

struct execution {
    enum execution_state state;
    int64_t epoch;
    bool mine;        /* the connector that asks is the one that it was handed to last */
    bool lease_ended; /* by the database's clock */
    bool overdue;     /* not_after has passed */
    bool frozen;
    enum err approval; /* OK, or why what was decided does not hold any more: approval_check() */
};

/* What the passing of time makes of it; the same state where nothing is due. */
enum execution_state execution_lapse(const struct execution *e);

/* May it be handed to the connector that asks? *next: leased, or running where it was that. */
bool execution_lease(const struct execution *e, enum execution_state *next);

/* OK: done, or said already - *changes tells whether the state moves. Else why not: ERR_STALE_EPOCH (somebody has it since, or
 * never had it), ERR_LEASE_ENDED, ERR_NOT_AFTER, ERR_FROZEN, what is in approval, ERR_EXECUTION_OVER (another end was told). */
enum err execution_start(const struct execution *e, int64_t epoch, bool *changes) must_check;
/* same: exactly this end is stored already. */
enum err execution_finish(const struct execution *e, int64_t epoch, bool same, bool *changes) must_check;
enum err execution_renew(const struct execution *e, int64_t epoch) must_check;

/* What responses/undo does: takes it back before it went out, waits for its end, acts against what was done or may have been, or
 * has nothing to take back. */
enum undo { UNDO_CANCEL, UNDO_LATER, UNDO_REVERSE, UNDO_NOTHING };
enum undo execution_undo(enum execution_state s);

#endif
