#include "responses/release.h"

#include <string.h>

#include "assets/isolation.h"
#include "auth/gateway.h"
#include "auth/write.h"
#include "base/clock.h"
#include "incidents/touch.h"
#include "responses/reversal.h"
#include "responses/types.h"

enum { EXECUTE_WITHIN_S = 7 * 24 * 3600 };

static enum err is_due(struct request *r, struct tx *tx, const char *response_id, bool *due) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select 1 from due where client_id = $1 and kind = 'release' and object_id = $2"
               "   and due_at <= " SQL_NOW_MS " for update",
               "ss", r->client_id, response_id));
    *due = rows.n > 0;
    return OK;
}

static enum err settle_due(struct request *r, struct tx *tx, const char *response_id, int64_t again_ms) {
    if (!again_ms)
        return tx_run(tx, NULL, "delete from due where client_id = $1 and kind = 'release' and object_id = $2", "ss",
                      r->client_id, response_id);
    return tx_run(tx, NULL,
                  "update due set due_at = " SQL_NOW_MS " + $3"
                  " where client_id = $1 and kind = 'release' and object_id = $2",
                  "ssi", r->client_id, response_id, again_ms);
}

/* ---- what was ordered so far ---- */

struct orders {
    int64_t n, ended_ago_ms; /* ended_ago_ms: of the last one that ended */
    bool cancelled;          /* one of them, which only people do: they have taken over */
};

static enum err read_orders(struct request *r, struct tx *tx, const struct task *t, struct orders *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select count(*), " SQL_NOW_MS " - coalesce(max(finished_at), 0),"
               "       coalesce(bool_or(execution_state = 'cancelled'), false)"
               "  from responses where client_id = $1 and incident_id = $2 and undo_of = $3"
               "   and decided_by ->> 'kind' = $4 and status = 'Confirmed'",
               "ssss", r->client_id, t->incident_id, t->response_id, DECIDED_BY_DURATION));
    *out = (struct orders){rows_int(&rows, 0, 0), rows_int(&rows, 0, 1), rows_bool(&rows, 0, 2)};
    return OK;
}

/* Between one order and the next, or the next look at it. */
static int64_t pause_ms(int64_t orders) {
    if (orders == 0) return MINUTE_MS;
    if (orders <= 6) return 10 * MINUTE_MS;
    return orders <= 6 + 24 ? HOUR_MS : DAY_MS;
}

/* ---- ordering ---- */

/* A person's undo that waits for another one comes too late. Where its own time is over as well it is declined for that. */
static enum err withdraw_undo(struct request *r, struct tx *tx, const struct task *t) {
    struct decision d = {.status = "Declined",
                         .comment = "Withdrawn: the host is released after the ordered duration",
                         .kind = DECIDED_BY_DURATION,
                         .id = t->response_id,
                         .name = GATEWAY_AUTHOR,
                         .changed_by = GATEWAY_AUTHOR,
                         .connection = ""};
    struct decided one = {.response_id = t->undone_by, .final = true};
    int64_t stamp = 0;
    int changed = 0;
    TRY(write_clock(tx, 1, &stamp));
    TRY(decide_apply(r, tx, &d, &one, 1, stamp, &changed));
    return changed ? incident_touch(r, tx, t->incident_id, stamp, 1) : OK;
}

/* Confirmed with the isolation itself, so by nobody anew: also where the asset is critical. */
static enum err release(struct request *r, struct tx *tx, const struct task *t, int64_t *last) {
    const char *id = NULL;
    struct reversal v = {.of = t,
                         .type = response_type_find("RELEASE_HOST"),
                         .values = "", /* it takes none */
                         .description = "The time of the isolation is over.",
                         .execute_within_s = EXECUTE_WITHIN_S,
                         .declared_system = "", /* it works everywhere */
                         .decision = {.status = "Confirmed",
                                      .comment = "Released automatically after the ordered duration",
                                      .kind = DECIDED_BY_DURATION,
                                      .id = t->response_id,
                                      .name = GATEWAY_AUTHOR,
                                      .changed_by = GATEWAY_AUTHOR,
                                      .connection = ""}};
    return reversal_write(r, tx, &v, &id, last);
}

/* *again_ms: when to look again; 0 = there is nothing left to do. */
static enum err judge(struct request *r, struct tx *tx, const struct task *t, int64_t *again_ms, int64_t *last) {
    enum reversal_state earlier = REVERSAL_NONE;
    struct orders orders = {0};
    TRY(reversal_find(r, tx, t, &earlier));
    TRY(read_orders(r, tx, t, &orders));
    if (orders.cancelled) return OK;
    *again_ms = pause_ms(orders.n);
    if (earlier == REVERSAL_UNDER_WAY) return OK;
    if (orders.n && orders.ended_ago_ms < *again_ms) {
        *again_ms -= orders.ended_ago_ms;
        return OK;
    }
    *again_ms = pause_ms(orders.n + 1);
    if (earlier == REVERSAL_NEW) TRY(withdraw_undo(r, tx, t));
    return release(r, tx, t, last);
}

static enum err run(struct request *r, const char *response_id) {
    struct reply nothing = {0};
    struct task t = {0};
    const char *isolated_by = "";
    bool due = false;
    int64_t last = 0, again_ms = 0;
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(task_lock(r, &tx, response_id, &t));
    TRY(asset_isolated_by(r, &tx, t.asset_id, &isolated_by));
    TRY(is_due(r, &tx, response_id, &due));
    if (due && !strcmp(isolated_by, response_id)) TRY(judge(r, &tx, &t, &again_ms, &last));
    if (due) TRY(settle_due(r, &tx, response_id, again_ms));
    return write_commit(r, &tx, last, &nothing);
}

enum err release_run(const char *client_id, const char *response_id) {
    return gateway_run(run, client_id, response_id);
}
