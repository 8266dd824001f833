#include <string.h>

#include "auth/write.h"
#include "build/gen/operations.h"

enum { SETTINGS_BYTES_MAX = 64 * 1024 };

#define SETTINGS_COLUMNS "hide_absent_assets, offline_after_days, extended_notifications, deadlines_s"

static int64_t deadline_of(json_t *set, const struct response_type *type) {
    json_t *seconds = json_object_get(set, type->type);
    return json_is_integer(seconds) ? json_integer_value(seconds) : type->decide_within_s;
}

static void add_deadlines(struct buf *out, const char *set_text) {
    json_t *set = json_loads(set_text, 0, NULL);
    json_key(out, "response_deadlines");
    json_open(out, '[');
    for (size_t i = 0; i < response_types_n; i++) {
        json_open(out, '{');
        json_kstr(out, "type", response_types[i].type);
        json_kint(out, "decide_within_s", deadline_of(set, &response_types[i]));
        json_close(out, '}');
    }
    json_close(out, ']');
    json_decref(set);
}

static void add_settings(struct buf *out, const struct rows *rows) {
    json_open(out, '{');
    json_kbool(out, "hide_absent_assets", rows_bool(rows, 0, 0));
    json_kint(out, "offline_after_days", rows_int(rows, 0, 1));
    json_kbool(out, "extended_notifications", rows_bool(rows, 0, 2));
    add_deadlines(out, rows_text(rows, 0, 3));
    json_close(out, '}');
}

enum err settings_general_get(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows, "select " SETTINGS_COLUMNS " from clients where client_id = $1", "s", r->client_id));
    if (!rows.n) return fail_not_found(r);
    add_settings(&out->body, &rows);
    return OK;
}

static enum err deadlines_json(struct request *r, const struct settings_general_set_args *args, struct buf *out) {
    struct strings seen = strings_new(r->arena, args->response_deadlines_n);
    json_open(out, '{');
    for (size_t i = 0; i < args->response_deadlines_n; i++) {
        const struct response_deadline *d = &args->response_deadlines[i];
        if (strings_have(&seen, d->type))
            return fail_at(r, arena_printf(r->arena, "/response_deadlines/%zu/type", i),
                           "This type stands here more than once.");
        seen.v[seen.n++] = d->type;
        json_kint(out, d->type, d->decide_within_s);
    }
    json_close(out, '}');
    return OK;
}

static void add_update(struct sql *q, const char *client_id, const struct settings_general_set_args *args,
                       const char *deadlines) {
    sql_add(q, "update clients set deadlines_s = deadlines_s || ?::jsonb", "s", deadlines);
    if (args->has_hide_absent_assets) sql_add(q, ", hide_absent_assets = ?", "b", args->hide_absent_assets);
    if (args->has_offline_after_days) sql_add(q, ", offline_after_days = ?::integer", "i", args->offline_after_days);
    if (args->has_extended_notifications) sql_add(q, ", extended_notifications = ?", "b", args->extended_notifications);
    sql_add(q, " where client_id = ? returning " SETTINGS_COLUMNS, "s", client_id);
}

static enum err change(struct request *r, struct tx *tx, const struct settings_general_set_args *args,
                       struct buf *before, struct buf *after) {
    scope_rows struct rows old = {0};
    scope_rows struct rows new = {0};
    scope_buf struct buf deadlines;
    buf_init(&deadlines, SETTINGS_BYTES_MAX);
    TRY(deadlines_json(r, args, &deadlines));
    TRY(tx_run(tx, &old, "select " SETTINGS_COLUMNS " from clients where client_id = $1 for no key update", "s",
               r->client_id));
    if (!old.n) return fail_not_found(r);
    scope_sql struct sql q;
    sql_init(&q);
    add_update(&q, r->client_id, args, buf_text(&deadlines));
    TRY(tx_run_sql(tx, &new, &q));
    add_settings(before, &old);
    add_settings(after, &new);
    return OK;
}

static enum err record(struct request *r, struct tx *tx, const char *snapshot, int64_t *stamp) {
    TRY(write_clock(tx, 1, stamp));
    return tx_run(tx, NULL, "select ledger_append($1, '-', '', 'setting', 'general', 'update', $2, $3, $4)", "isss",
                  *stamp, r->who.name, r->who.session_id, snapshot);
}

/* Settings count for the whole client, so a token of some tenants may only read them. */
enum err settings_general_set(struct request *r, const struct settings_general_set_args *args, struct reply *out) {
    if (!r->who.all_tenants)
        return fail(r, ERR_FORBIDDEN, "Only a token of all tenants may change the client's settings.");
    scope_buf struct buf before, after;
    buf_init(&before, SETTINGS_BYTES_MAX);
    buf_init(&after, SETTINGS_BYTES_MAX);
    scope_tx struct tx tx = {0};
    int64_t stamp = 0;
    TRY(write_begin(r, &tx));
    TRY(change(r, &tx, args, &before, &after));
    if (strcmp(buf_text(&before), buf_text(&after)) != 0) TRY(record(r, &tx, buf_text(&after), &stamp));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, stamp, out);
}
