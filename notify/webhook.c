#include "notify/webhook.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "auth/gateway.h"
#include "auth/keys.h"
#include "base/clock.h"
#include "base/random.h"
#include "notify/readers.h"

enum { BATCH = 16, PURPOSE_BYTES = 128, KEPT_ATTEMPTS = 1000, TRIM_ONE_IN = 32 };
#define KEPT_MS (7LL * 24 * 3600 * 1000)

_Static_assert((int)WEBHOOK_SEALED_BYTES == (int)WEBHOOK_SECRET_BYTES + KEYS_SEAL_EXTRA, "as keys_seal() makes it");

const char *const webhook_outcome_words[WEBHOOK_OUTCOMES] = {"delivered", "retrying", "failed"};

void webhook_wipe(struct webhook *w) { sodium_memzero(w->secrets, sizeof w->secrets); }

/* ---- secrets ---- */

static const char *purpose_of(const char *client_id, const char *webhook_id, char out[PURPOSE_BYTES]) {
    snprintf(out, PURPOSE_BYTES, "webhook:%s:%s", client_id, webhook_id);
    return out;
}

enum err webhook_new_secret(const char *client_id, const char *webhook_id, char text[WEBHOOK_SECRET_TEXT_BYTES],
                            unsigned char sealed[WEBHOOK_SEALED_BYTES]) {
    unsigned char secret[WEBHOOK_SECRET_BYTES];
    char purpose[PURPOSE_BYTES];
    random_bytes(secret, sizeof secret);
    webhook_secret_text(secret, text);
    enum err e = keys_seal(purpose_of(client_id, webhook_id, purpose), secret, sizeof secret, sealed);
    sodium_memzero(secret, sizeof secret);
    return e;
}

static enum err open_secret(const char *client_id, struct webhook *w, const char *hex) {
    unsigned char sealed[WEBHOOK_SEALED_BYTES];
    char purpose[PURPOSE_BYTES];
    size_t len = 0;
    if (!*hex) return OK;
    if (sodium_hex2bin(sealed, sizeof sealed, hex, strlen(hex), NULL, &len, NULL) || len != sizeof sealed)
        return ERR_INTERNAL;
    return keys_open(purpose_of(client_id, w->webhook_id, purpose), sealed, len, w->secrets[w->secrets_n++]);
}

const char webhook_columns[] =
    "w.url, array_to_string(w.kinds, E'\\x1f'), array_to_string(w.priorities, E'\\x1f'), array_to_string(w.statuses, "
    "E'\\x1f'),"
    " array_to_string(w.tenants_names, E'\\x1f'), w.enabled, encode(w.secret_sealed, 'hex'),"
    " case when w.old_secret_until > " SQL_NOW_MS " then encode(w.old_secret_sealed, 'hex') end";

enum err webhook_read(struct arena *arena, const char *client_id, const char *webhook_id, const struct rows *rows,
                      int at, struct webhook *out) {
    *out = (struct webhook){.webhook_id = webhook_id};
    if (!rows->n || rows_null(rows, 0, at)) return ERR_NOT_FOUND;
    struct strings *lists[] = {&out->kinds, &out->priorities, &out->statuses, &out->tenants_names};
    out->url = arena_strdup(arena, rows_text(rows, 0, at));
    for (int i = 0; i < 4; i++) *lists[i] = strings_split(arena, rows_text(rows, 0, at + 1 + i), '\x1f');
    out->enabled = rows_bool(rows, 0, at + 5);
    TRY(open_secret(client_id, out, rows_text(rows, 0, at + 6)));
    return open_secret(client_id, out, rows_text(rows, 0, at + 7));
}

enum err webhook_load(struct arena *arena, const char *client_id, const char *webhook_id, struct webhook *out) {
    struct db_scope scope = client_scope(client_id);
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q, "select ", "");
    sql_add(&q, webhook_columns, "");
    sql_add(&q, " from webhooks w where client_id = ? and webhook_id = ?", "ss", client_id, webhook_id);
    TRY(db_read_sql(&scope, &rows, &q));
    return webhook_read(arena, client_id, webhook_id, &rows, 0, out);
}

/* ---- the next event ---- */

/* Incidents of these rows that pass the filter as they are now. */
static enum err passing_incidents(struct arena *arena, const char *client_id, const struct webhook *w,
                                  const struct ledger_page *page, struct strings *out) {
    struct db_scope scope = client_scope(client_id);
    struct strings ids = strings_new(arena, (size_t)page->n);
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    for (int i = 0; i < page->n; i++) ids.v[ids.n++] = arena_strdup(arena, ledger_row_incident_id(page, i));
    sql_add(&q, "select incident_id from incidents where client_id = ? and incident_id = any(?)", "sS", client_id,
            &ids);
    sql_add_any(&q, "priority", &w->priorities);
    sql_add_any(&q, "status", &w->statuses);
    sql_add_any(&q, "tenant_name", &w->tenants_names);
    TRY(db_read_sql(&scope, &rows, &q));
    *out = rows_strings(&rows, 0, arena);
    return OK;
}

static enum err first_passing(struct arena *arena, const char *client_id, const struct webhook *w,
                              const struct ledger_page *page, int *row) {
    bool all = !w->priorities.n && !w->statuses.n && !w->tenants_names.n;
    struct strings passing = {0};
    *row = -1;
    if (page->n && !all) TRY(passing_incidents(arena, client_id, w, page, &passing));
    for (int i = 0; i < page->n && *row < 0; i++)
        if (all || strings_have(&passing, ledger_row_incident_id(page, i))) *row = i;
    return OK;
}

static void write_event(struct webhook_event *event, int64_t at_ms) {
    char time[TIME_TEXT_BYTES];
    time_text(at_ms, time);
    json_open(&event->body, '{');
    json_kstr(&event->body, "type", event->type);
    json_kstr(&event->body, "timestamp", time);
    json_key(&event->body, "data");
}

static void write_row(struct arena *arena, const struct webhook *w, const struct ledger_page *page, int i,
                      struct webhook_event *event) {
    event->position = ledger_row_position(page, i);
    event->type = arena_printf(arena, "%s.%s", ledger_row_kind(page, i), ledger_row_operation(page, i));
    snprintf(event->delivery_id, sizeof event->delivery_id, "msg_%s_%lld", w->webhook_id, (long long)event->position);
    write_event(event, ledger_row_changed_at(page, i));
    ledger_row_add(&event->body, page, i, "-");
    json_close(&event->body, '}');
}

enum err webhook_next_event(struct arena *arena, const char *client_id, const struct webhook *w, int64_t after,
                            struct webhook_event *event, int64_t *upto, int64_t *newest) {
    scope_ledger_page struct ledger_page page = {0};
    struct ledger_filter filter = {.scope = client_scope(client_id), .kinds = w->kinds, .session_id = "-"};
    bool all = !w->priorities.n && !w->statuses.n && !w->tenants_names.n;
    int row = -1;
    TRY(ledger_read(&filter, after, all ? 1 : BATCH, &page));
    TRY(first_passing(arena, client_id, w, &page, &row));
    *upto = page.next;
    *newest = page.newest;
    if (row >= 0) write_row(arena, w, &page, row, event);
    return event->body.failed ? ERR_INTERNAL : OK;
}

void webhook_test_event(const struct webhook *w, struct webhook_event *event) {
    char id[ID20_BYTES];
    random_id20(id);
    event->type = "webhook.test";
    snprintf(event->delivery_id, sizeof event->delivery_id, "msg_test_%s", id);
    write_event(event, now_ms());
    json_open(&event->body, '{');
    json_kstr(&event->body, "webhook_id", w->webhook_id);
    json_close(&event->body, '}');
    json_close(&event->body, '}');
}

void webhook_request(const struct webhook *w, const struct webhook_event *event, struct webhook_request *out) {
    int64_t now_s = now_ms() / 1000;
    const char *body = buf_text(&event->body);
    size_t len = 0;
    snprintf(out->timestamp, sizeof out->timestamp, "%lld", (long long)now_s);
    for (int i = 0; i < w->secrets_n; i++) {
        if (i) out->signature[len++] = ' ';
        webhook_signature(w->secrets[i], event->delivery_id, now_s, body, event->body.len, out->signature + len);
        len += strlen(out->signature + len);
    }
    out->headers[0] = (struct http_out_header){"webhook-id", event->delivery_id};
    out->headers[1] = (struct http_out_header){"webhook-timestamp", out->timestamp};
    out->headers[2] = (struct http_out_header){"webhook-signature", out->signature};
    out->http = (struct http_out_request){
        .url = w->url, .headers = out->headers, .headers_n = 3, .body = body, .body_bytes = event->body.len};
}

/* ---- outcomes ---- */

enum err webhook_trim_log(const char *client_id, const char *webhook_id) {
    struct db_scope scope = client_scope(client_id);
    unsigned char dice = 0;
    random_bytes(&dice, 1);
    if (dice % TRIM_ONE_IN) return OK;
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q,
            "delete from webhook_deliveries d where d.client_id = ? and d.webhook_id = ?"
            "   and d.attempted_at < greatest(" SQL_NOW_MS " - ?, (select e.attempted_at from webhook_deliveries e"
            "        where e.client_id = ? and e.webhook_id = ? order by e.attempted_at desc offset ? limit 1))",
            "ssissi", client_id, webhook_id, (int64_t)KEPT_MS, client_id, webhook_id, (int64_t)KEPT_ATTEMPTS - 1);
    return db_write_light(&scope, NULL, &q);
}

void webhook_log_sql(struct sql *q, const char *client_id, const char *webhook_id, const struct webhook_attempt *a,
                     const char *from) {
    char id[ID20_BYTES];
    random_id20(id);
    sql_add(
        q,
        "insert into webhook_deliveries as d (client_id, webhook_id, attempt_id, delivery_id, position, type, attempt,"
        "    attempted_at, duration_ms, state, status, error, reply_text, retry_at)"
        " select ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? from ",
        "ssssisiiisissi", client_id, webhook_id, id, a->event->delivery_id, a->event->position, a->event->type,
        a->attempt, a->attempted_at, a->reply->duration_ms, webhook_outcome_words[a->outcome],
        (int64_t)a->reply->status, a->reply->error, a->outcome == WEBHOOK_DELIVERED ? "" : a->reply->text, a->retry_at);
    sql_add(q, from, "");
}

enum err webhook_log(struct tx *tx, const char *webhook_id, const struct webhook_attempt *a, struct buf *body) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    webhook_log_sql(&q, tx->scope.client_id, webhook_id, a, "(values (1)) one");
    sql_add(&q, " returning webhook_delivery_body(d)", "");
    TRY(tx_run_sql(tx, &rows, &q));
    if (body) buf_adds(body, rows_text(&rows, 0, 0));
    return OK;
}

enum err webhook_disable(struct tx *tx, const char *webhook_id, const char *reason, int64_t *stamp) {
    scope_rows struct rows rows = {0};
    TRY(reader_pause(tx, WEBHOOK_READER, webhook_id));
    TRY(tx_run(tx, NULL,
               "update webhooks set enabled = false, disabled_reason = $3 where client_id = $1 and webhook_id = $2 and "
               "enabled",
               "sss", tx->scope.client_id, webhook_id, reason));
    TRY(tx_run(tx, &rows, "select ledger_clock(1)", ""));
    *stamp = rows_int(&rows, 0, 0);
    return tx_run(
        tx, NULL,
        "with w as (update webhooks set update_time = $3 where client_id = $1 and webhook_id = $2 returning *)"
        "select ledger_append($3, '-', '', 'webhook', w.webhook_id, 'update', $4, '', webhook_body(w)) from w",
        "ssis", tx->scope.client_id, webhook_id, *stamp, GATEWAY_AUTHOR);
}
