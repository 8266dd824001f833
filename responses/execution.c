#include "responses/execution.h"

#include <string.h>

static const char *const names[] = {
#define X(name, text) [EXECUTION_##name] = text,
    EXECUTION_STATES(X)
#undef X
};

const char *execution_name(enum execution_state s) { return names[s]; }

enum execution_state execution_parse(const char *name) {
    for (int s = 0; s < EXECUTION_STATES_N; s++)
        if (!strcmp(names[s], name)) return (enum execution_state)s;
    return EXECUTION_NONE;
}

enum execution_state execution_lapse(const struct execution *e) {
    switch (e->state) {
    case EXECUTION_PENDING: return e->overdue ? EXECUTION_EXPIRED : EXECUTION_PENDING;
    case EXECUTION_LEASED:
        if (e->overdue) return EXECUTION_EXPIRED;
        return e->lease_ended ? EXECUTION_PENDING : EXECUTION_LEASED;
    case EXECUTION_RUNNING: return e->overdue ? EXECUTION_UNKNOWN : EXECUTION_RUNNING;
    default: return e->state;
    }
}

bool execution_lease(const struct execution *e, enum execution_state *next) {
    if (e->overdue || e->frozen) return false;
    *next = e->state == EXECUTION_RUNNING ? EXECUTION_RUNNING : EXECUTION_LEASED;
    switch (e->state) {
    case EXECUTION_PENDING: return true;
    case EXECUTION_LEASED: return e->lease_ended;
    case EXECUTION_RUNNING: return e->lease_ended && e->mine;
    default: return false;
    }
}

static bool is_over(enum execution_state s) { return s >= EXECUTION_SUCCEEDED; }

/* It is held under this epoch by the one who asks. Nobody acts after being refused, whatever the reason. */
static enum err held(const struct execution *e, int64_t epoch) {
    if (!e->mine || e->epoch != epoch || e->state < EXECUTION_LEASED) return ERR_STALE_EPOCH;
    if (is_over(e->state)) return ERR_EXECUTION_OVER;
    if (e->overdue) return ERR_NOT_AFTER;
    return e->lease_ended ? ERR_LEASE_ENDED : OK;
}

/* Also where it runs already: who had no answer asks again, and acts after this one. */
enum err execution_start(const struct execution *e, int64_t epoch, bool *changes) {
    TRY(held(e, epoch));
    *changes = e->state == EXECUTION_LEASED;
    if (e->frozen) return ERR_FROZEN;
    return e->approval;
}

enum err execution_renew(const struct execution *e, int64_t epoch) { return held(e, epoch); }

enum err execution_finish(const struct execution *e, int64_t epoch, bool same, bool *changes) {
    *changes = true;
    if (!e->mine || e->epoch != epoch) return ERR_STALE_EPOCH;
    switch (e->state) {
    case EXECUTION_LEASED:
    case EXECUTION_RUNNING:
    case EXECUTION_EXPIRED:
    case EXECUTION_UNKNOWN: return OK;
    case EXECUTION_SUCCEEDED:
    case EXECUTION_FAILED: *changes = false; return same ? OK : ERR_EXECUTION_OVER;
    case EXECUTION_CANCELLED: return ERR_EXECUTION_OVER;
    default: return ERR_STALE_EPOCH;
    }
}

/* What failed may have been done in part. What expired was never started. */
enum undo execution_undo(enum execution_state s) {
    switch (s) {
    case EXECUTION_PENDING: return UNDO_CANCEL;
    case EXECUTION_LEASED:
    case EXECUTION_RUNNING: return UNDO_LATER;
    case EXECUTION_SUCCEEDED:
    case EXECUTION_FAILED:
    case EXECUTION_UNKNOWN: return UNDO_REVERSE;
    default: return UNDO_NOTHING;
    }
}
