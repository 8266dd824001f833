#include "auth/connections.h"
#include "auth/write.h"
#include "build/gen/operations.h"

enum { ASSETS_MAX = 1000, TEXT_BYTES_MAX = 256 * 1024 };

/* Kept with the connection and in each ledger row about it. */
static enum err check_size(struct request *r, const struct tasks_declare_args *a) {
    size_t assets = 0;
    for (size_t i = 0; i < a->capabilities_n; i++) assets += a->capabilities[i].asset_ids.n;
    return assets <= ASSETS_MAX ? OK : fail_at(r, "/capabilities", "may name %d assets in all", ASSETS_MAX);
}

static void write_list(struct buf *out, struct arena *arena, const char *key, const struct strings *list) {
    struct strings each = strings_unique(arena, list);
    json_key(out, key);
    json_strings(out, &each);
}

static void write_capabilities(struct request *r, const struct tasks_declare_args *a, struct buf *out) {
    json_open(out, '[');
    for (size_t i = 0; i < a->capabilities_n; i++) {
        json_open(out, '{');
        json_kstr(out, "type", a->capabilities[i].type);
        write_list(out, r->arena, "systems", &a->capabilities[i].systems);
        write_list(out, r->arena, "asset_ids", &a->capabilities[i].asset_ids);
        json_close(out, '}');
    }
    json_close(out, ']');
}

/* Whose assets they are is not asked here: a declaration counts where the connection sees the asset when that matters. */
static enum err keep(struct request *r, struct tx *tx, const char *text, struct change *by, struct buf *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select $3::jsonb, capabilities <> $3::jsonb from sessions"
               " where client_id = $1 and session_id = $2 and revoked_at = 0 for no key update",
               "sss", r->client_id, r->who.session_id, text));
    if (!rows.n) return fail(r, ERR_TOKEN, "The connection was revoked.");
    json_open(out, '{');
    json_kraw(out, "capabilities", rows_text(&rows, 0, 0));
    json_close(out, '}');
    if (!rows_bool(&rows, 0, 1)) return OK;
    TRY(tx_run(tx, NULL, "update sessions set capabilities = $3::jsonb where client_id = $1 and session_id = $2", "sss",
               r->client_id, r->who.session_id, text));
    return connection_record(tx, r->client_id, r->who.session_id, "update", by);
}

/* Handing out shares the client's lock: after the reply nothing is handed out by the earlier declaration. */
enum err tasks_declare(struct request *r, const struct tasks_declare_args *args, struct reply *out) {
    struct change by = change_of(r);
    scope_buf struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    TRY(check_size(r, args));
    write_capabilities(r, args, &text);
    if (text.failed) return ERR_INTERNAL;
    struct db_scope scope = client_scope(r->client_id); /* the connection's record is about no tenant */
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(write_lock_client(r, &tx));
    TRY(keep(r, &tx, buf_text(&text), &by, &out->body));
    return write_commit(r, &tx, by.stamp, out);
}
