#include <string.h>

#include "api/validate.h"
#include "assets/find.h"
#include "auth/write.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/feed.h"
#include "build/gen/operations.h"
#include "incidents/touch.h"
#include "responses/approval.h"
#include "responses/object.h"
#include "responses/support.h"
#include "responses/systems.h"
#include "responses/task.h"
#include "responses/types.h"

enum { LOOK_AGAIN_MS = 1000 };

/* What is to be handed out, or refused (code). */
struct order {
    const struct task *task;
    enum execution_state next;
    const char *code, *message; /* "" = handed out */
};

/* What becomes of the tasks found. REOPEN: people have to confirm anew. */
enum outcome { NOT_NOW, ORDER, REOPEN };
struct judged {
    struct order *orders;
    const struct task **reopened;
    size_t orders_n, reopened_n;
};

/* ---- finding ---- */

/* Without locks and in one round trip: what is handed out is judged again under locks. The most urgent first; what runs already
 * comes last, so that what nobody can answer for does not keep back the rest. */
static enum err find(struct request *r, const struct tasks_lease_args *a, struct strings *ids) {
    struct strings types = response_types_meant(r->arena, &a->types);
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q,
            "select p.response_id from responses p"
            "  join assets a on a.client_id = p.client_id and a.asset_id = p.asset_id"
            " where p.client_id = ? and p.execution_state in ('pending', 'leased', 'running')"
            "   and p.not_after > " SQL_NOW_MS "   and (p.execution_state = 'pending' or p.lease_until <= " SQL_NOW_MS
            "        and (p.execution_state = 'leased' or p.connector_session = ?))"
            "   and not exists (select from freezes f where f.client_id = p.client_id"
            "                      and f.frozen_tenant in ('*', p.tenant_id, a.tenant_id))"
            "   and (p.execution_state = 'running' or " SQL_DECLARED_BY("?") ")",
            "sss", r->client_id, r->who.session_id, r->who.session_id);
    sql_add_any(&q, "p.type", &types);
    sql_add_any(&q, "p.asset_id", &a->asset_ids);
    sql_add(&q, " order by p.execution_state = 'running', p.not_after, p.response_id limit ?", "i", a->max);
    TRY(db_read_sql(&r->scope, &rows, &q));
    *ids = rows_strings(&rows, 0, r->arena);
    return OK;
}

/* ---- judging ---- */

static struct order refused(const struct task *t, const char *code, const char *message) {
    return (struct order){.task = t, .next = EXECUTION_FAILED, .code = code, .message = message};
}

/* The parameters passed when they were created; the lists of critical objects and the asset's system may be others now. */
static bool is_critical(const struct request *r, const struct task *t, const struct asset_brief *asset, bool *valid) {
    struct request scratch = *r; /* what is wrong with them is not the connector's fault */
    const struct response_type *type = response_type_find(t->type);
    json_auto_t *parameters = json_loads(t->parameters, JSON_REJECT_DUPLICATES, NULL);
    unsigned system = systems_of(asset->os_version);
    bool critical = false;
    *valid = false;
    if (type && parameters) {
        void *values = arena_alloc(r->arena, type->parameters_size ? type->parameters_size : 1);
        *valid = validate_at(&scratch, "/parameters", type->parameters, parameters, values) == OK;
        critical = *valid && object_critical(type, values, system ? system : SYSTEMS_ALL);
    }
    return critical;
}

static enum outcome judge(const struct request *r, const struct task *t, const struct asset_brief *asset,
                          struct order *out) {
    bool valid = true;
    *out = (struct order){.task = t, .code = "", .message = ""};
    if (!asset->found || !execution_lease(&t->execution, &out->next)) return NOT_NOW;
    if (t->execution.state == EXECUTION_RUNNING) return ORDER; /* it has begun: only its end is asked for */
    if (!t->declared) return NOT_NOW;
    if (!t->intact) {
        *out = refused(t, "refused", "This is not what was decided about.");
        return ORDER;
    }
    if (t->execution.approval == ERR_MOVED || t->execution.approval == ERR_SECOND_PERSON) return REOPEN;
    if (*t->declared_system && strcmp(t->declared_system, system_name(systems_of(asset->os_version))) != 0)
        *out = refused(t, "unsupported", "It was proposed for another system than the asset has now.");
    if (t->execution.approval == ERR_CONFLICT)
        *out = refused(t, "already_done", "The isolation whose time is over was ended or replaced by another.");
    if (is_critical(r, t, asset, &valid))
        *out = refused(t, "critical_object", "The operating system or its protection needs this object.");
    if (!valid) *out = refused(t, "unsupported", "The type or its parameters are not known any more.");
    return ORDER;
}

static void judge_all(struct request *r, struct task *tasks, size_t n, const struct asset_brief *assets,
                      struct judged *out) {
    out->orders = arena_alloc(r->arena, (n + 1) * sizeof *out->orders);
    out->reopened = arena_alloc(r->arena, (n + 1) * sizeof(struct task *));
    for (size_t i = 0; i < n; i++) {
        tasks[i].execution.approval = approval_check(&tasks[i], &assets[i]);
        enum outcome v = judge(r, &tasks[i], &assets[i], &out->orders[out->orders_n]);
        if (v == ORDER) out->orders_n++;
        if (v == REOPEN) out->reopened[out->reopened_n++] = &tasks[i];
    }
}

/* ---- handing out ---- */

/* Of one incident. A refused one keeps epoch and connector: nobody got it. */
static enum err write_orders(struct request *r, struct tx *tx, const struct order *orders, size_t n, int64_t first,
                             struct buf *out) {
    struct strings ids = strings_new(r->arena, n), states = strings_new(r->arena, n);
    struct strings codes = strings_new(r->arena, n), messages = strings_new(r->arena, n);
    scope_rows struct rows rows = {0};
    for (size_t i = 0; i < n; i++) {
        ids.v[ids.n++] = orders[i].task->response_id;
        states.v[states.n++] = execution_name(orders[i].next);
        codes.v[codes.n++] = orders[i].code;
        messages.v[messages.n++] = orders[i].message;
    }
    TRY(tx_run(
        tx, &rows,
        "with d as ("
        "    select u.id, u.state, u.code, u.message, u.code = '' as given, $6 + u.n - 1 as stamp"
        "      from unnest($2, $3, $4, $5) with ordinality u (id, state, code, message, n)"
        "), c as ("
        "    update responses p"
        "       set execution_state = d.state, update_time = d.stamp,"
        "           epoch = p.epoch + d.given::integer, attempts = p.attempts + d.given::integer,"
        "           connector_session = case when d.given then $7 else p.connector_session end,"
        "           connector_name = case when d.given then $8 else p.connector_name end,"
        "           lease_until = case when d.given then least(" SQL_NOW_MS " + $9, p.not_after) else 0 end,"
        "           finished_at = case when d.given then 0 else d.stamp end,"
        "           report_code = d.code, report_message = d.message"
        "      from d where p.client_id = $1 and p.response_id = d.id returning p.*"
        "), later as ("
        "    update due set due_at = case c.execution_state when 'leased' then c.lease_until else c.not_after end"
        "      from c where due.client_id = $1 and due.kind = 'execute' and due.object_id = c.response_id"
        "       and c.execution_state <> 'failed'"
        "), done as ("
        "    " TASK_DONE_SQL " and c.execution_state = 'failed'"
        ")"
        "select case when c.execution_state <> 'failed' then row_to_json((select t from (select c.response_id,"
        "           c.epoch, c.type, c.parameters, c.asset_id, c.content_hash, c.not_after, c.lease_until) t)) end,"
        "       " RESPONSE_RECORD_SQL("$8", "$7") " from (select * from c order by update_time) c",
        "sSSSSissi", r->client_id, &ids, &states, &codes, &messages, first, r->who.session_id, r->who.name,
        config()->task_lease_s * 1000));
    for (int i = 0; i < rows.n; i++)
        if (!rows_null(&rows, i, 0)) json_raw(out, rows_text(&rows, i, 0));
    return OK;
}

static size_t same_incident(const struct order *orders, size_t n) {
    size_t same = 1;
    while (same < n && !strcmp(orders[same].task->incident_id, orders->task->incident_id)) same++;
    return same;
}

static enum err write_all(struct request *r, struct tx *tx, const struct order *orders, size_t n, int64_t *last,
                          struct buf *out) {
    int64_t first = 0;
    if (!n) return OK;
    TRY(write_clock(tx, (int)n, &first));
    for (size_t i = 0, same = 0; i < n; i += same) {
        same = same_incident(orders + i, n - i);
        TRY(write_orders(r, tx, orders + i, same, first + (int64_t)i, out));
        *last = first + (int64_t)(i + same) - 1;
        TRY(incident_touch(r, tx, orders[i].task->incident_id, *last, (int)same));
    }
    return OK;
}

static enum err find_assets(struct request *r, struct tx *tx, const struct task *tasks, size_t n,
                            struct asset_brief **out) {
    struct strings ids = strings_new(r->arena, n);
    for (; ids.n < n; ids.n++) ids.v[ids.n] = tasks[ids.n].asset_id;
    return assets_find(r, tx, &ids, out);
}

/* *done: the reply is complete. */
static enum err hand_out(struct request *r, const struct strings *ids, struct reply *out, bool *done) {
    struct task *tasks = NULL;
    struct asset_brief *assets = NULL;
    struct judged judged = {0};
    size_t n = 0;
    int64_t last = 0;
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(tasks_enter(r, &tx));
    TRY(tasks_lock(r, &tx, ids, &tasks, &n));
    TRY(find_assets(r, &tx, tasks, n, &assets));
    judge_all(r, tasks, n, assets, &judged);
    if (!judged.orders_n && !judged.reopened_n) return OK;
    for (size_t i = 0; i < judged.reopened_n; i++) TRY(approval_reopen(r, &tx, judged.reopened[i], &last));
    json_open(&out->body, '[');
    TRY(write_all(r, &tx, judged.orders, judged.orders_n, &last, &out->body));
    json_close(&out->body, ']');
    *done = true;
    return write_commit(r, &tx, last, out);
}

/* Kept under the Idempotency-Key as well: a repeat must not turn into another lease. */
static enum err reply_nothing(struct request *r, struct reply *out) {
    json_open(&out->body, '[');
    json_close(&out->body, ']');
    if (!r->idempotency.key) return OK;
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    return write_commit(r, &tx, 0, out);
}

/* Every change wakes it; that a lease ended under a running task is no change. */
static bool wait_for_work(const char *client_id, int64_t seen, int64_t until_ms) {
    int64_t slice_ms = monotonic_ms() + LOOK_AGAIN_MS;
    if (feed_wait(client_id, seen, slice_ms < until_ms ? slice_ms : until_ms)) return true;
    return slice_ms < until_ms && !feed_stopped();
}

enum err tasks_lease(struct request *r, const struct tasks_lease_args *args, struct reply *out) {
    int64_t until = monotonic_ms() + args->wait_s * 1000, seen = 0;
    bool done = false;
    do {
        struct strings ids = {0};
        TRY(feed_stamp(r->client_id, &seen));
        TRY(find(r, args, &ids));
        if (ids.n) TRY(hand_out(r, &ids, out, &done));
        if (done) return OK;
    } while (wait_for_work(r->client_id, seen, until));
    return reply_nothing(r, out);
}
