#include "auth/users.h"

#include <string.h>

#include "auth/lockout.h"
#include "auth/pair.h"
#include "auth/sessions.h"
#include "auth/tenant_choice.h"
#include "base/clock.h"

/* ---- showing ---- */

static void select_users(struct request *r, struct sql *q) {
    sql_init(q);
    sql_add(q,
            "select u.user_id, u.email, u.name, u.role, u.all_tenants, " TENANT_REFS_SQL(
                "u") ", u.language,"
                     " case when u.status = 'active' and " LOCKED_SQL("u", "?") " then 'locked' else u.status end,",
            "i", now_ms());
    sql_add(q, " u.totp_enabled, u.creation_time from users u where u.client_id = ?", "s", r->client_id);
    if (!r->who.all_tenants)
        sql_add(q, " and (" WITHIN_SQL("u", "false", "?") " or u.user_id = ?)", "Ss", &r->who.tenants, r->who.user_id);
}

static void write_row(struct buf *b, const struct rows *rows, int i) {
    json_open(b, '{');
    json_kstr(b, "user_id", rows_text(rows, i, 0));
    json_kstr(b, "email", rows_text(rows, i, 1));
    json_kstr(b, "name", rows_text(rows, i, 2));
    json_kstr(b, "role", rows_text(rows, i, 3));
    json_kbool(b, "all_tenants", rows_bool(rows, i, 4));
    json_kraw(b, "tenants", rows_text(rows, i, 5));
    json_kstr(b, "language", rows_text(rows, i, 6));
    json_kstr(b, "status", rows_text(rows, i, 7));
    json_kbool(b, "totp_enabled", rows_bool(rows, i, 8));
    json_kint(b, "creation_time", rows_int(rows, i, 9));
    json_close(b, '}');
}

enum err user_write(struct request *r, struct tx *tx, const char *user_id, struct buf *b) {
    scope_sql struct sql q;
    scope_rows struct rows rows = {0};
    select_users(r, &q);
    sql_add(&q, " and u.user_id = ?", "s", user_id);
    TRY(tx_run_sql(tx, &rows, &q));
    if (!rows.n) return fail_not_found(r);
    write_row(b, &rows, 0);
    return OK;
}

enum err users_write(struct request *r, struct buf *b) {
    struct db_scope scope = client_scope(r->client_id);
    scope_sql struct sql q;
    scope_rows struct rows rows = {0};
    select_users(r, &q);
    sql_add(&q, " order by u.creation_time, u.user_id", "");
    TRY(db_read_sql(&scope, &rows, &q));
    json_open(b, '[');
    for (int i = 0; i < rows.n; i++) write_row(b, &rows, i);
    json_close(b, ']');
    return OK;
}

/* ---- changing ---- */

static enum err lock_admins(struct request *r, struct tx *tx, const char *user_id) {
    return tx_run(tx, NULL,
                  "select 1 from users where client_id = $1 and (role = 'SUPERVISOR' or user_id = $2)"
                  " order by user_id for no key update",
                  "ss", r->client_id, user_id);
}

enum err user_lock(struct request *r, struct tx *tx, const char *user_id, bool guard_admins, struct user *out) {
    if (guard_admins) TRY(lock_admins(r, tx, user_id));
    scope_rows struct rows rows = {0}, tenants = {0};
    TRY(tx_run(tx, &rows,
               "select u.email, u.name, u.role, u.status, u.password_hash, coalesce(encode(u.totp_sealed, 'hex'), ''),"
               "       u.all_tenants, u.totp_enabled"
               "  from users u where u.client_id = $1 and u.user_id = $2"
               "   and (" WITHIN_SQL("u", "$3", "$4") " or u.user_id = $5) for no key update",
               "ssbSs", r->client_id, user_id, r->who.all_tenants, &r->who.tenants, r->who.user_id));
    if (!rows.n) return fail_not_found(r);
    const char *text[6];
    for (int i = 0; i < 6; i++) text[i] = arena_strdup(r->arena, rows_text(&rows, 0, i));
    *out = (struct user){
        .user_id = user_id,
        .email = text[0],
        .name = text[1],
        .role = text[2],
        .status = text[3],
        .password_hash = text[4],
        .totp_sealed_hex = text[5],
        .all_tenants = rows_bool(&rows, 0, 6),
        .totp_enabled = rows_bool(&rows, 0, 7),
    };
    if (out->all_tenants) return OK;
    TRY(tx_run(tx, &tenants, "select unnest(tenants) from users where client_id = $1 and user_id = $2", "ss",
               r->client_id, user_id));
    out->tenants = rows_strings(&tenants, 0, r->arena);
    return OK;
}

enum err user_not_last_admin(struct request *r, struct tx *tx, const struct user *u) {
    if (strcmp(u->role, "SUPERVISOR") != 0 || strcmp(u->status, "active") != 0) return OK;
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select 1 from users where client_id = $1 and user_id <> $2 and role = 'SUPERVISOR'"
               "   and status = 'active' and (all_tenants or not $3) limit 1",
               "ssb", r->client_id, u->user_id, u->all_tenants));
    return rows.n ? OK : fail(r, ERR_CONFLICT, "This is the last active administrator; make another one first.");
}

enum err user_record(struct tx *tx, const char *client_id, const char *user_id, const char *operation,
                     struct change *by) {
    TRY(change_stamp(tx, by));
    return tx_run(
        tx, NULL,
        "select ledger_append($3, '-', '', 'user', u.user_id, $4, $5, $6,"
        "       (select row_to_json(v)::text"
        "          from (select u.user_id, u.email, u.name, u.role, u.all_tenants, u.tenants, u.language, u.timezone,"
        "                       u.notify, u.status, u.totp_enabled, u.creation_time) v))"
        "  from users u where u.client_id = $1 and u.user_id = $2",
        "ssisss", client_id, user_id, by->stamp, operation, by->by, by->connection);
}

/* One stamp for all of them: a transaction is one moment. */
enum err user_sessions_revoke(struct request *r, struct tx *tx, const char *user_id, const char *except,
                              struct change *by, struct strings *ids) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "update sessions set revoked_at = $4"
               " where client_id = $1 and user_id = $2 and session_id <> $3 and revoked_at = 0 returning session_id",
               "sssi", r->client_id, user_id, except, now_ms()));
    *ids = rows_strings(&rows, 0, r->arena);
    for (size_t i = 0; i < ids->n; i++) TRY(connection_record(tx, r->client_id, ids->v[i], "update", by));
    return OK;
}

void user_sessions_forget(const char *client_id, const struct strings *session_ids) {
    for (size_t i = 0; i < session_ids->n; i++) session_forget(client_id, session_ids->v[i]);
}
