/* robot_session/create, robot_sessions/list, robot_sessions/delete. An administrator who is limited to tenants manages
 * only connections within them; wider ones do not exist for it. */
#include <string.h>

#include "auth/connections.h"
#include "auth/pair.h"
#include "auth/sessions.h"
#include "auth/tenant_choice.h"
#include "auth/write.h"
#include "base/clock.h"
#include "build/gen/operations.h"

static void write_connection(struct buf *b, const struct rows *rows, int i, int64_t now) {
    json_kstr(b, "session_id", rows_text(rows, i, 0));
    json_kstr(b, "session_name", rows_text(rows, i, 1));
    json_kstr(b, "role", rows_text(rows, i, 2));
    json_kbool(b, "all_tenants", rows_bool(rows, i, 3));
    json_kraw(b, "tenants", rows_text(rows, i, 4));
    json_kstr(b, "status", connection_status(rows_int(rows, i, 6), rows_int(rows, i, 7), rows_int(rows, i, 9), now));
    json_kint(b, "creation_time", rows_int(rows, i, 5));
    json_kint(b, "last_used_time", rows_int(rows, i, 7));
    json_kint(b, "refresh_until", rows_int(rows, i, 8));
    json_kraw(b, "capabilities", rows_text(rows, i, 10));
}

/* One connection, or with session_id "" all. */
static enum err read_connections(struct request *r, const char *session_id, struct rows *out) {
    struct db_scope scope = client_scope(r->client_id);
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q,
            "select s.session_id, s.session_name, s.role, s.all_tenants, " TENANT_REFS_SQL(
                "s") ","
                     " s.creation_time, s.activated_at, s.last_used, s.refresh_until, s.revoked_at, s.capabilities"
                     " from sessions s where s.client_id = ? and s.kind = 'robot'",
            "s", r->client_id);
    if (*session_id) sql_add(&q, " and s.session_id = ?", "s", session_id);
    if (!r->who.all_tenants) sql_add(&q, " and " WITHIN_SQL("s", "false", "?"), "S", &r->who.tenants);
    sql_add(&q, " order by s.creation_time, s.session_id", "");
    return db_read_sql(&scope, out, &q);
}

/* What a connection makes is its maker's too, or two confirmations would be two connections away. */
static const char *user_behind(const struct request *r) {
    return strcmp(r->who.person_id, r->who.session_id) != 0 ? r->who.person_id : "";
}

enum err robot_session_create(struct request *r, const struct robot_session_create_args *args, struct reply *out) {
    struct tenant_choice choice;
    TRY(tenants_choose(r, args->tenants, args->tenants_n, &choice));
    struct connection_spec spec = {
        .client_id = r->client_id,
        .name = args->session_name,
        .role = role_parse(args->role),
        .all_tenants = choice.all,
        .tenants = choice.ids,
        .made_by_user = user_behind(r),
    };
    struct change by = change_of(r);
    struct connection_made made;
    TRY(connection_create(r->arena, &spec, &by, &made));
    scope_rows struct rows rows = {0};
    TRY(read_connections(r, made.session_id, &rows));
    if (!rows.n) return ERR_UNAVAILABLE;
    json_open(&out->body, '{');
    json_kstr(&out->body, "refresh_token", made.refresh_token);
    write_connection(&out->body, &rows, 0, now_ms());
    json_close(&out->body, '}');
    return OK;
}

enum err robot_sessions_list(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    int64_t now = now_ms();
    scope_rows struct rows rows = {0};
    TRY(read_connections(r, "", &rows));
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n; i++) {
        json_open(&out->body, '{');
        write_connection(&out->body, &rows, i, now);
        json_close(&out->body, '}');
    }
    json_close(&out->body, ']');
    return OK;
}

static enum err find_for_update(struct request *r, struct tx *tx, const char *session_id) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select 1 from sessions s where s.client_id = $1 and s.session_id = $2 and s.kind = 'robot'"
               "   and " WITHIN_SQL("s", "$3", "$4") " for no key update",
               "ssbS", r->client_id, session_id, r->who.all_tenants, &r->who.tenants));
    if (rows.n) return OK;
    return fail_not_found(r);
}

/* Deleting what is revoked already changes nothing and is no error: what was asked for is so. */
enum err robot_sessions_delete(struct request *r, const struct robot_sessions_delete_args *args, struct reply *out) {
    struct change by = change_of(r);
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(find_for_update(r, &tx, args->session_id));
    TRY(connection_revoke(&tx, r->client_id, args->session_id, &by));
    buf_adds(&out->body, "{}");
    TRY(write_commit(r, &tx, by.stamp, out));
    session_forget(r->client_id, args->session_id);
    return OK;
}
