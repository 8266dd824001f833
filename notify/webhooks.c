/* webhooks/create, list, update, delete, rotate_secret. A webhook is told of all tenants, so only a token of all tenants manages
 * them. Locks in this order everywhere: the reader, the webhook, the client's clock. */
#include <sodium.h>

#include "auth/write.h"
#include "base/clock.h"
#include "base/http_out.h"
#include "base/random.h"
#include "build/gen/operations.h"
#include "feeds/kinds.h"
#include "notify/readers.h"
#include "notify/webhook.h"
#include "notify/webhooks.h"

enum { WEBHOOKS_MAX = 20 };

static const char *const default_kinds[] = {"incident_details", "incident_comment", "incident_response",
                                            "incident_attachment"};

/* The stored body, with where its deliveries are. */
#define REPLY_SQL                                                                                                      \
    "select left(webhook_body(w), -1) || ',\"progress\":' || row_to_json(p)::text || '}'"                              \
    "  from webhooks w join readers r on r.client_id = w.client_id and r.kind = 'webhook' and r.reader_id = "          \
    "w.webhook_id"                                                                                                     \
    "  join clocks c on c.client_id = w.client_id"                                                                     \
    " cross join lateral (select r.position, c.position as newest, r.failures, r.failing_since,"                       \
    "       case when r.failures > 0 and w.enabled then r.due_at else 0 end as retry_at) p"

enum err webhooks_guard(struct request *r) {
    if (r->who.all_tenants) return OK;
    return fail(r, ERR_FORBIDDEN, "Webhooks tell of all tenants: only a token of all tenants may use them.");
}

enum err webhook_lock(struct request *r, struct tx *tx, const char *webhook_id) {
    bool found = false;
    TRY(reader_lock(tx, WEBHOOK_READER, webhook_id, &found));
    return found ? OK : fail_not_found(r);
}

static enum err check_url(struct request *r, const char *url) {
    const char *fault = url ? http_out_url_fault(url) : NULL;
    return fault ? fail_at(r, "/url", "%s", fault) : OK;
}

/* The kinds asked for; none: those of incidents. */
static enum err choose_kinds(struct request *r, const struct strings *asked, struct strings *out) {
    struct strings wanted = {.n = sizeof default_kinds / sizeof *default_kinds, .v = (const char **)default_kinds};
    return kinds_choose(r, asked->n ? asked : &wanted, out);
}

/* Appends the ledger's row of the webhook as it is now, and its stamp as update_time. */
static enum err record(struct request *r, struct tx *tx, const char *webhook_id, const char *operation,
                       int64_t *stamp) {
    TRY(write_clock(tx, 1, stamp));
    return tx_run(tx, NULL,
                  "with w as (update webhooks set update_time = $3, creation_time = case when creation_time = 0 then $3"
                  "                                                                 else creation_time end"
                  "            where client_id = $1 and webhook_id = $2 returning *)"
                  "select ledger_append($3, '-', '', 'webhook', w.webhook_id, $4, $5, $6, webhook_body(w)) from w",
                  "ssisss", r->client_id, webhook_id, *stamp, operation, r->who.name, r->who.session_id);
}

static enum err write_webhook(struct request *r, struct tx *tx, const char *webhook_id, struct buf *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, REPLY_SQL " where w.client_id = $1 and w.webhook_id = $2", "ss", r->client_id, webhook_id));
    buf_adds(out, rows_text(&rows, 0, 0));
    return OK;
}

/* The same with the secret: shown here and never again. */
static enum err write_with_secret(struct request *r, struct tx *tx, const char *webhook_id, const char *secret,
                                  struct buf *out) {
    scope_buf struct buf body;
    buf_init(&body, out->limit);
    TRY(write_webhook(r, tx, webhook_id, &body));
    buf_add(out, buf_text(&body), body.len ? body.len - 1 : 0);
    json_kstr(out, "secret", secret);
    json_close(out, '}');
    return OK;
}

/* ---- webhooks/create ---- */

static enum err guard_number(struct request *r, struct tx *tx) {
    scope_rows struct rows rows = {0};
    TRY(write_lock_client(r, tx));
    TRY(tx_run(tx, &rows, "select count(*) from webhooks where client_id = $1", "s", r->client_id));
    if (rows_int(&rows, 0, 0) < WEBHOOKS_MAX) return OK;
    return fail(r, ERR_CONFLICT, "A client has at most %d webhooks.", WEBHOOKS_MAX);
}

static enum err insert(struct request *r, struct tx *tx, const struct webhooks_create_args *args,
                       const struct strings *kinds, const char *webhook_id, const unsigned char *sealed) {
    static const struct strings none = {0};
    const struct webhook_filter *f = args->filter;
    return tx_run(
        tx, NULL,
        "insert into webhooks (client_id, webhook_id, url, kinds, priorities, statuses, tenants_names, format,"
        "    description, secret_sealed, creation_time, update_time)"
        " values ($1, $2, $3, $4, coalesce($5, '{}'), coalesce($6, '{}'), coalesce($7, '{}'), $8, $9, $10, 0, 0)",
        "sssSSSSssx", r->client_id, webhook_id, args->url, kinds, f ? &f->priorities : &none, f ? &f->statuses : &none,
        f ? &f->tenants_names : &none, args->format, args->description, sealed, (size_t)WEBHOOK_SEALED_BYTES);
}

enum err webhooks_create(struct request *r, const struct webhooks_create_args *args, struct reply *out) {
    char webhook_id[ID20_BYTES], secret[WEBHOOK_SECRET_TEXT_BYTES];
    unsigned char sealed[WEBHOOK_SEALED_BYTES];
    struct strings kinds;
    int64_t stamp = 0;
    TRY(webhooks_guard(r));
    TRY(check_url(r, args->url));
    TRY(choose_kinds(r, &args->kinds, &kinds));
    random_id20(webhook_id);
    TRY(webhook_new_secret(r->client_id, webhook_id, secret, sealed));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(guard_number(r, &tx));
    TRY(reader_add(&tx, WEBHOOK_READER, webhook_id));
    TRY(insert(r, &tx, args, &kinds, webhook_id, sealed));
    TRY(record(r, &tx, webhook_id, "create", &stamp));
    TRY(write_with_secret(r, &tx, webhook_id, secret, &out->body));
    sodium_memzero(secret, sizeof secret);
    return write_commit(r, &tx, stamp, out);
}

/* ---- webhooks/list ---- */

enum err webhooks_list(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    scope_rows struct rows rows = {0};
    TRY(webhooks_guard(r));
    TRY(db_read(&r->scope, &rows, REPLY_SQL " where w.client_id = $1 order by w.creation_time, w.webhook_id", "s",
                r->client_id));
    rows_json(&rows, &out->body);
    return OK;
}

/* ---- webhooks/update ---- */

static enum err add_update(struct request *r, struct sql *q, const struct webhooks_update_args *args) {
    struct strings kinds;
    sql_add(q, "update webhooks set webhook_id = webhook_id", "");
    if (args->url) sql_add(q, ", url = ?", "s", args->url);
    if (args->description) sql_add(q, ", description = ?", "s", args->description);
    if (args->format) sql_add(q, ", format = ?", "s", args->format);
    if (args->kinds.v) {
        TRY(choose_kinds(r, &args->kinds, &kinds));
        sql_add(q, ", kinds = ?", "S", &kinds);
    }
    if (args->filter)
        sql_add(q, ", priorities = coalesce(?, '{}'), statuses = coalesce(?, '{}'), tenants_names = coalesce(?, '{}')",
                "SSS", &args->filter->priorities, &args->filter->statuses, &args->filter->tenants_names);
    if (args->has_enabled)
        sql_add(q, ", enabled = ?, disabled_reason = ?", "bs", args->enabled, args->enabled ? "" : "request");
    sql_add(q, " where client_id = ? and webhook_id = ?", "ss", r->client_id, args->webhook_id);
    return OK;
}

static enum err update_reader(struct tx *tx, const struct webhooks_update_args *args) {
    if (args->has_position) TRY(reader_move(tx, WEBHOOK_READER, args->webhook_id, args->position));
    if (!args->has_enabled) return OK;
    return args->enabled ? reader_resume(tx, WEBHOOK_READER, args->webhook_id)
                         : reader_pause(tx, WEBHOOK_READER, args->webhook_id);
}

enum err webhooks_update(struct request *r, const struct webhooks_update_args *args, struct reply *out) {
    int64_t stamp = 0;
    scope_sql struct sql q;
    sql_init(&q);
    TRY(webhooks_guard(r));
    TRY(check_url(r, args->url));
    TRY(add_update(r, &q, args));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(webhook_lock(r, &tx, args->webhook_id));
    TRY(update_reader(&tx, args));
    TRY(tx_run_sql(&tx, NULL, &q));
    TRY(record(r, &tx, args->webhook_id, "update", &stamp));
    TRY(write_webhook(r, &tx, args->webhook_id, &out->body));
    return write_commit(r, &tx, stamp, out);
}

/* ---- webhooks/rotate_secret ---- */

/* After two rotations within the overlap the oldest secret does not sign any more: there are two at most. */
enum err webhooks_rotate_secret(struct request *r, const struct webhooks_rotate_secret_args *args, struct reply *out) {
    char secret[WEBHOOK_SECRET_TEXT_BYTES];
    unsigned char sealed[WEBHOOK_SEALED_BYTES];
    int64_t stamp = 0;
    TRY(webhooks_guard(r));
    TRY(webhook_new_secret(r->client_id, args->webhook_id, secret, sealed));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(webhook_lock(r, &tx, args->webhook_id));
    TRY(tx_run(&tx, NULL,
               "update webhooks set old_secret_sealed = secret_sealed, old_secret_until = " SQL_NOW_MS
               " + $3, secret_sealed = $4"
               " where client_id = $1 and webhook_id = $2",
               "ssix", r->client_id, args->webhook_id, (int64_t)WEBHOOK_OVERLAP_MS, sealed, sizeof sealed));
    TRY(record(r, &tx, args->webhook_id, "update", &stamp));
    TRY(write_with_secret(r, &tx, args->webhook_id, secret, &out->body));
    sodium_memzero(secret, sizeof secret);
    return write_commit(r, &tx, stamp, out);
}

/* ---- webhooks/delete ---- */

/* The ledger's row holds the webhook as it last was, so it is written before. */
enum err webhooks_delete(struct request *r, const struct webhooks_delete_args *args, struct reply *out) {
    int64_t stamp = 0;
    TRY(webhooks_guard(r));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(webhook_lock(r, &tx, args->webhook_id));
    TRY(reader_remove(&tx, WEBHOOK_READER, args->webhook_id));
    TRY(record(r, &tx, args->webhook_id, "delete", &stamp));
    TRY(tx_run(&tx, NULL, "delete from webhooks where client_id = $1 and webhook_id = $2", "ss", r->client_id,
               args->webhook_id));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, stamp, out);
}
