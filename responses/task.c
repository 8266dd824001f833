#include "responses/task.h"

#include "auth/gateway.h"
#include "auth/write.h"
#include "base/clock.h"
#include "incidents/touch.h"
#include "responses/decide.h"
#include "responses/release.h"
#include "responses/support.h"

/* The statements after the first see what was committed while it waited. */
enum err tasks_enter(struct request *r, struct tx *tx) {
    scope_rows struct rows rows = {0};
    TRY(write_share_client(r, tx));
    TRY(tx_run(tx, &rows, "select from sessions where client_id = $1 and session_id = $2 and revoked_at = 0", "ss",
               r->client_id, r->who.session_id));
    return rows.n ? OK : fail(r, ERR_TOKEN, "The connection was revoked.");
}

static void read_task(struct request *r, const struct rows *rows, int row, struct task *t) {
    const char **texts[] = {&t->response_id,   &t->incident_id, &t->tenant_id, &t->asset_id,        &t->type,
                            &t->parameters,    &t->status,      &t->undone_by, &t->declared_system, &t->undo_of,
                            &t->decided_tenant};
    enum { TEXTS = sizeof texts / sizeof *texts };
    for (int i = 0; i < TEXTS; i++) *texts[i] = arena_strdup(r->arena, rows_text(rows, row, i));
    t->intact = rows_bool(rows, row, TEXTS);
    t->lease_until = rows_int(rows, row, TEXTS + 1);
    t->not_after = rows_int(rows, row, TEXTS + 2);
    t->execution = (struct execution){
        .state = execution_parse(rows_text(rows, row, TEXTS + 3)),
        .epoch = rows_int(rows, row, TEXTS + 4),
        .mine = rows_bool(rows, row, TEXTS + 5),
        .lease_ended = rows_bool(rows, row, TEXTS + 6),
        .overdue = rows_bool(rows, row, TEXTS + 7),
        .frozen = rows_bool(rows, row, TEXTS + 8),
    };
    t->approvals = rows_int(rows, row, TEXTS + 9);
    t->declared = rows_bool(rows, row, TEXTS + 10);
    t->by_duration = rows_bool(rows, row, TEXTS + 11);
}

enum err tasks_lock(struct request *r, struct tx *tx, const struct strings *response_ids, struct task **list,
                    size_t *n) {
    scope_rows struct rows rows = {0};
    TRY(responses_lock_incidents(r, tx, response_ids));
    TRY(tx_run(
        tx, &rows,
        "select p.response_id, p.incident_id, p.tenant_id, p.asset_id, p.type, p.parameters, p.status, p.undone_by,"
        "       p.declared_system, p.undo_of, p.decided_tenant,"
        "       p.content_hash = response_content_hash(p), p.lease_until, p.not_after, p.execution_state, p.epoch,"
        "       p.connector_session <> '' and p.connector_session = $3,"
        "       p.lease_until <= " SQL_NOW_MS ", p.not_after <= " SQL_NOW_MS ","
        "       exists (select from freezes f where f.client_id = $1 and (f.frozen_tenant in ('*', p.tenant_id)"
        "           or f.frozen_tenant = (select a.tenant_id from assets a"
        "                                  where a.client_id = $1 and a.asset_id = p.asset_id))),"
        "       json_array_length(p.decided_by -> 'approvals'), " SQL_DECLARED_BY(
            "$3") ", p.decided_by ->> 'kind' = '" DECIDED_BY_DURATION "'"
                  "  from responses p where p.client_id = $1 and p.response_id = any($2)"
                  " order by p.incident_id, p.response_id for no key update of p",
        "sSs", r->client_id, response_ids, r->who.session_id));
    *n = (size_t)rows.n;
    *list = arena_alloc(r->arena, (*n + 1) * sizeof **list);
    for (int i = 0; i < rows.n; i++) read_task(r, &rows, i, &(*list)[i]);
    return OK;
}

enum err task_lock(struct request *r, struct tx *tx, const char *response_id, struct task *out) {
    struct strings one = {.n = 1, .v = &response_id};
    struct task *list = NULL;
    size_t n = 0;
    TRY(tasks_lock(r, tx, &one, &list, &n));
    if (!n) return fail_not_found(r);
    *out = *list;
    return OK;
}

enum err task_show(struct request *r, struct tx *tx, const char *response_id, struct buf *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select row_to_json(t) from (select response_id, epoch, execution_state as state, lease_until, not_after"
               "  from responses where client_id = $1 and response_id = $2) t",
               "ss", r->client_id, response_id));
    json_raw(out, rows_text(&rows, 0, 0));
    return OK;
}

/* ---- what the clock does ---- */

static enum err lapse(struct request *r, struct tx *tx, const struct task *t, enum execution_state to, int64_t stamp) {
    return tx_run(tx, NULL,
                  "with c as ("
                  "    update responses set execution_state = $3, update_time = $4, lease_until = 0,"
                  "           finished_at = case when $3 = 'pending' then finished_at else $4 end"
                  "     where client_id = $1 and response_id = $2 returning *"
                  "), done as ("
                  "    " TASK_DONE_SQL " and $3 <> 'pending'"
                  "), later as ("
                  "    update due set due_at = c.not_after from c where due.client_id = $1 and due.kind = 'execute'"
                  "       and due.object_id = c.response_id and $3 = 'pending'"
                  ")"
                  "select " RESPONSE_RECORD_SQL("$5", "$6") " from c",
                  "sssiss", r->client_id, t->response_id, execution_name(to), stamp, r->who.name, r->who.session_id);
}

/* A row that came too early, or outlived what it was about. */
static enum err settle_due(struct request *r, struct tx *tx, const struct task *t) {
    bool open = t->execution.state == EXECUTION_LEASED || t->execution.state == EXECUTION_PENDING ||
                t->execution.state == EXECUTION_RUNNING;
    if (!open)
        return tx_run(tx, NULL, "delete from due where client_id = $1 and kind = 'execute' and object_id = $2", "ss",
                      r->client_id, t->response_id);
    return tx_run(tx, NULL, "update due set due_at = $3 where client_id = $1 and kind = 'execute' and object_id = $2",
                  "ssi", r->client_id, t->response_id,
                  t->execution.state == EXECUTION_LEASED ? t->lease_until : t->not_after);
}

static enum err run(struct request *r, const char *response_id) {
    struct reply nothing = {0};
    struct task t = {0};
    int64_t stamp = 0;
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(task_lock(r, &tx, response_id, &t));
    enum execution_state to = execution_lapse(&t.execution);
    if (to == t.execution.state) {
        TRY(settle_due(r, &tx, &t));
        return write_commit(r, &tx, 0, &nothing);
    }
    TRY(write_clock(&tx, 1, &stamp));
    TRY(lapse(r, &tx, &t, to, stamp));
    TRY(incident_touch(r, &tx, t.incident_id, stamp, 1));
    return write_commit(r, &tx, stamp, &nothing);
}

enum err task_clock_run(const char *client_id, const char *response_id) {
    return gateway_run(run, client_id, response_id);
}
