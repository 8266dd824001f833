#include <stdlib.h>
#include <string.h>

#include "assets/isolation.h"
#include "auth/write.h"
#include "base/clock.h"
#include "base/config.h"
#include "build/gen/operations.h"
#include "incidents/touch.h"
#include "responses/approval.h"

enum { RESULT_BYTES_MAX = 64 * 1024 };
#define LEFT_OUT "{\"left_out\":\"The incident holds no more text.\"}"

/* What is reported, as it is stored. */
struct report {
    enum execution_state state;
    const char *message, *code, *result; /* result: JSON text */
};

/* ---- reading ---- */

/* Not compact, and that matters: response_body() finds what it puts marks in place of by its own compact text, "x":"\u0001x", and
 * a result is the one JSON in it that others write as they like. */
static enum err read_result(struct request *r, json_t *given, struct report *out) {
    out->result = "{}";
    if (!given) return OK;
    char *text = json_dumps(given, 0);
    out->result = text ? arena_strdup(r->arena, text) : "{}";
    free(text);
    if (strlen(out->result) <= RESULT_BYTES_MAX) return OK;
    return fail_at(r, "/result", "may have %d bytes", RESULT_BYTES_MAX);
}

static enum err read_report(struct request *r, const struct tasks_report_args *a, struct report *out) {
    out->state = execution_parse(a->state);
    out->message = a->message ? a->message : "";
    out->code = a->code ? a->code : out->state == EXECUTION_FAILED ? "error" : "";
    if (a->code && out->state != EXECUTION_FAILED) return fail_at(r, "/code", "Only a failure has a code.");
    if (a->result && out->state == EXECUTION_RUNNING) return fail_at(r, "/result", "Only an end has a result.");
    return read_result(r, a->result, out);
}

/* The end is worth more than its result: where the incident has no room for it, it is left out. */
static enum err fit_result(struct request *r, struct tx *tx, const struct task *t, struct report *p) {
    struct request scratch = *r;
    enum err e = incident_room(&scratch, tx, t->incident_id, strlen(p->result) + strlen(p->message));
    if (e == ERR_CONFLICT) p->result = LEFT_OUT;
    return e == ERR_CONFLICT ? OK : e;
}

/* ---- judging ---- */

static enum err refuse(struct request *r, enum err e, const struct task *t) {
    if (e == ERR_STALE_EPOCH)
        return fail(r, e, "This connection does not hold the task under this epoch; do not carry it out.");
    return fail(r, e, "%s (the action is %s).", err_title(e), execution_name(t->execution.state));
}

static enum err is_told(struct request *r, struct tx *tx, const struct report *p, const char *response_id, bool *told) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select 1 from responses where client_id = $1 and response_id = $2 and execution_state = $3"
               "   and report_message = $4 and report_code = $5 and report_result::text in ($6, $7)",
               "sssssss", r->client_id, response_id, execution_name(p->state), p->message, p->code, p->result,
               LEFT_OUT));
    *told = rows.n > 0;
    return OK;
}

/* As it is when it starts: a host that moved out of sight since it was handed out is not acted upon. */
static enum err look_at_asset(struct request *r, struct tx *tx, struct task *t) {
    struct strings one = {.n = 1, .v = &t->asset_id};
    struct asset_brief *asset = NULL;
    TRY(assets_find(r, tx, &one, &asset));
    if (!asset->found) return fail_not_found(r);
    t->execution.approval = approval_check(t, asset);
    return OK;
}

static enum err judge(struct request *r, struct tx *tx, const struct task *t, int64_t epoch, const struct report *p,
                      bool *changes) {
    bool told = false;
    if (p->state == EXECUTION_RUNNING) return execution_start(&t->execution, epoch, changes);
    TRY(is_told(r, tx, p, t->response_id, &told));
    return execution_finish(&t->execution, epoch, told, changes);
}

/* ---- writing ---- */

/* No change that anybody is told of: no stamp, no record. */
static enum err prolong(struct request *r, struct tx *tx, const char *response_id) {
    return tx_run(tx, NULL,
                  "with c as ("
                  "    update responses set lease_until = least(" SQL_NOW_MS " + $3, not_after)"
                  "     where client_id = $1 and response_id = $2 returning *"
                  ") update due set due_at = c.lease_until from c where due.client_id = $1 and due.kind = 'execute'"
                  "      and due.object_id = c.response_id and c.execution_state = 'leased'",
                  "ssi", r->client_id, response_id, config()->task_lease_s * 1000);
}

static enum err write_start(struct request *r, struct tx *tx, const struct task *t, const struct report *p,
                            int64_t stamp) {
    return tx_run(tx, NULL,
                  "with c as ("
                  "    update responses set execution_state = 'running', update_time = $3, started_at = $3,"
                  "           report_message = $4, lease_until = least(" SQL_NOW_MS " + $5, not_after)"
                  "     where client_id = $1 and response_id = $2 returning *"
                  "), later as ("
                  "    update due set due_at = c.not_after from c where due.client_id = $1 and due.kind = 'execute'"
                  "       and due.object_id = c.response_id"
                  ")"
                  "select " RESPONSE_RECORD_SQL("$6", "$7") " from c",
                  "ssisiss", r->client_id, t->response_id, stamp, p->message, config()->task_lease_s * 1000,
                  r->who.name, r->who.session_id);
}

/* An isolation for a time is due to be released that much later. */
static enum err write_end(struct request *r, struct tx *tx, const struct task *t, const struct report *p,
                          int64_t stamp) {
    return tx_run(tx, NULL,
                  "with c as ("
                  "    update responses set execution_state = $3, update_time = $4, finished_at = $4, lease_until = 0,"
                  "           report_message = $5, report_code = $6, report_result = $7::json"
                  "     where client_id = $1 and response_id = $2 returning *"
                  "), done as ("
                  "    " TASK_DONE_SQL "), release as ("
                  "    insert into due (client_id, kind, object_id, due_at)"
                  "    select client_id, 'release', response_id, $4 + (parameters ->> 'duration_s')::bigint * 1000"
                  "      from c where type = 'ISOLATE_HOST' and execution_state = 'succeeded'"
                  "       and parameters ->> 'duration_s' is not null"
                  ")"
                  "select " RESPONSE_RECORD_SQL("$8", "$9") " from c",
                  "sssisssss", r->client_id, t->response_id, execution_name(p->state), stamp, p->message, p->code,
                  p->result, r->who.name, r->who.session_id);
}

/* Not by what is told late, when it was taken back already: the host is as the reversal left it. */
static enum err isolates(struct request *r, struct tx *tx, const struct task *t, const struct report *p, bool *out) {
    scope_rows struct rows rows = {0};
    *out = p->state == EXECUTION_SUCCEEDED && (!strcmp(t->type, "ISOLATE_HOST") || !strcmp(t->type, "RELEASE_HOST"));
    if (!*out || !*t->undone_by) return OK;
    TRY(tx_run(tx, &rows,
               "select 1 from responses where client_id = $1 and response_id = $2 and execution_state = 'succeeded'",
               "ss", r->client_id, t->undone_by));
    *out = !rows.n;
    return OK;
}

static enum err change_isolation(struct request *r, struct tx *tx, const struct task *t, int64_t stamp) {
    const char *by = !strcmp(t->type, "ISOLATE_HOST") ? t->response_id : "";
    return asset_isolate(r, tx, t->asset_id, by, stamp);
}

static enum err write_report(struct request *r, struct tx *tx, const struct task *t, struct report *p, int64_t *stamp) {
    const char *isolated_by = "";
    bool isolating = false;
    if (p->state != EXECUTION_RUNNING) TRY(fit_result(r, tx, t, p));
    TRY(isolates(r, tx, t, p, &isolating));
    if (isolating) TRY(asset_isolated_by(r, tx, t->asset_id, &isolated_by)); /* locked before the clock is taken */
    TRY(write_clock(tx, 1, stamp));
    TRY(p->state == EXECUTION_RUNNING ? write_start(r, tx, t, p, *stamp) : write_end(r, tx, t, p, *stamp));
    if (isolating) TRY(change_isolation(r, tx, t, *stamp));
    return incident_touch(r, tx, t->incident_id, *stamp, 1);
}

enum err tasks_report(struct request *r, const struct tasks_report_args *args, struct reply *out) {
    struct report report = {0};
    struct task task = {0};
    bool changes = false;
    int64_t stamp = 0;
    TRY(read_report(r, args, &report));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(tasks_enter(r, &tx));
    TRY(task_lock(r, &tx, args->response_id, &task));
    if (report.state == EXECUTION_RUNNING) TRY(look_at_asset(r, &tx, &task));
    enum err e = judge(r, &tx, &task, args->epoch, &report, &changes);
    if (e != OK) return refuse(r, e, &task);
    if (changes) TRY(write_report(r, &tx, &task, &report, &stamp));
    if (!changes && report.state == EXECUTION_RUNNING) TRY(prolong(r, &tx, task.response_id));
    TRY(task_show(r, &tx, task.response_id, &out->body));
    return write_commit(r, &tx, stamp, out);
}

enum err tasks_renew(struct request *r, const struct tasks_renew_args *args, struct reply *out) {
    struct task task = {0};
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(task_lock(r, &tx, args->response_id, &task));
    enum err e = execution_renew(&task.execution, args->epoch);
    if (e != OK) return refuse(r, e, &task);
    TRY(prolong(r, &tx, task.response_id));
    TRY(task_show(r, &tx, task.response_id, &out->body));
    return write_commit(r, &tx, 0, out);
}
