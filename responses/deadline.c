#include "responses/deadline.h"

#include "auth/gateway.h"
#include "auth/write.h"
#include "base/clock.h"
#include "incidents/touch.h"
#include "responses/decide.h"

#define DEADLINE_COMMENT "Automatically rejected, because the task timeout has expired"

static enum err lock_incident_of(struct request *r, struct tx *tx, const char *response_id, const char **incident_id) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select incident_id from responses where client_id = $1 and response_id = $2", "ss",
               r->client_id, response_id));
    *incident_id = rows.n ? arena_strdup(r->arena, rows_text(&rows, 0, 0)) : NULL;
    return *incident_id ? incident_lock(r, tx, *incident_id) : OK;
}

/* Locked before the clock is taken, so that nothing is waited for while it is held. */
static enum err is_overdue(struct request *r, struct tx *tx, const char *response_id, bool *overdue) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select 1 from responses where client_id = $1 and response_id = $2 and status = 'New'"
               "   and decide_until > 0 and decide_until <= " SQL_NOW_MS " for no key update",
               "ss", r->client_id, response_id));
    *overdue = rows.n > 0;
    return OK;
}

static enum err decline(struct request *r, struct tx *tx, const char *incident_id, const char *response_id,
                        int64_t *stamp) {
    struct decision d = {.status = "Declined",
                         .comment = DEADLINE_COMMENT,
                         .kind = "deadline",
                         .id = "",
                         .name = GATEWAY_AUTHOR,
                         .changed_by = GATEWAY_AUTHOR,
                         .connection = "",
                         .by_deadline = true};
    struct decided one = {.response_id = response_id, .final = true};
    int changed = 0;
    TRY(write_clock(tx, 1, stamp));
    TRY(decide_apply(r, tx, &d, &one, 1, *stamp, &changed));
    return changed ? incident_touch(r, tx, incident_id, *stamp, 1) : ERR_INTERNAL;
}

/* A row that outlived its response's decision, or came too early: gone, or put right. */
static enum err settle_due(struct request *r, struct tx *tx, const char *response_id) {
    TRY(tx_run(
        tx, NULL,
        "delete from due where client_id = $1 and kind = 'decide' and object_id = $2 and not exists ("
        "  select from responses where client_id = $1 and response_id = $2 and status = 'New' and decide_until > 0)",
        "ss", r->client_id, response_id));
    return tx_run(tx, NULL,
                  "update due set due_at = p.decide_until from responses p"
                  " where due.client_id = $1 and due.kind = 'decide' and due.object_id = $2"
                  "   and p.client_id = $1 and p.response_id = $2",
                  "ss", r->client_id, response_id);
}

static enum err run(struct request *r, const char *response_id) {
    struct reply nothing = {0};
    const char *incident_id = NULL;
    bool overdue = false;
    int64_t stamp = 0;
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(lock_incident_of(r, &tx, response_id, &incident_id));
    if (incident_id) TRY(is_overdue(r, &tx, response_id, &overdue));
    if (overdue)
        TRY(decline(r, &tx, incident_id, response_id, &stamp));
    else
        TRY(settle_due(r, &tx, response_id));
    return write_commit(r, &tx, stamp, &nothing);
}

enum err deadline_run(const char *client_id, const char *response_id) {
    return gateway_run(run, client_id, response_id);
}
