#include "auth/connections.h"

#include <string.h>

#include "auth/pair.h"
#include "base/clock.h"
#include "base/feed.h"

const char *connection_status(int64_t activated_at, int64_t last_used, int64_t revoked_at, int64_t now_ms_) {
    if (revoked_at) return "Revoked";
    if (!activated_at) return "Pending activation";
    return now_ms_ - last_used > CONNECTION_IDLE_MS ? "Idle" : "Active";
}

/* ---- the ledger ---- */

enum err connection_record(struct tx *tx, const char *client_id, const char *session_id, const char *operation,
                           struct change *by) {
    TRY(change_stamp(tx, by));
    return tx_run(
        tx, NULL,
        "select ledger_append($3, '-', '', 'connection', s.session_id, $4, $5, $6,"
        "       (select row_to_json(v)::text"
        "          from (select s.session_id, s.kind, s.session_name, s.role, s.all_tenants, s.tenants, s.user_id,"
        "                       s.created_by, s.made_by_user, s.creation_time, s.refresh_until, s.revoked_at,"
        "                       s.capabilities) v))"
        "  from sessions s where s.client_id = $1 and s.session_id = $2",
        "ssisss", client_id, session_id, by->stamp, operation, by->by, by->connection);
}

enum err connection_revoke(struct tx *tx, const char *client_id, const char *session_id, struct change *by) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "update sessions set revoked_at = $3 where client_id = $1 and session_id = $2 and revoked_at = 0"
               " returning 1",
               "ssi", client_id, session_id, now_ms()));
    return rows.n ? connection_record(tx, client_id, session_id, "update", by) : OK;
}

/* ---- making ---- */

/* The SOC's connections of all clients belong to no row of clients. */
static enum err insert(struct tx *tx, const struct connection_spec *spec, const char *session_id, int64_t now,
                       const char *created_by) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "insert into sessions (client_id, session_id, kind, session_name, role, all_tenants, tenants, created_by,"
        "                      made_by_user, creation_time)"
        " select $1, $2, 'robot', $3, $4, $5, $6, $7, $8, $9"
        "  where $1 = '*' or exists (select from clients where client_id = $1)"
        " returning 1",
        "ssssbSssi", spec->client_id, session_id, spec->name, role_code(spec->role), spec->all_tenants, &spec->tenants,
        created_by, spec->made_by_user ? spec->made_by_user : "", now));
    return rows.n ? OK : ERR_NOT_FOUND;
}

static struct session session_of(const struct connection_spec *spec, const char *session_id) {
    return (struct session){
        .client_id = spec->client_id,
        .session_id = session_id,
        .role = role_code(spec->role),
        .all_tenants = spec->all_tenants,
        .tenants = spec->tenants,
    };
}

enum err connection_create(struct arena *arena, const struct connection_spec *spec, struct change *by,
                           struct connection_made *out) {
    if (!token_holds(&spec->tenants)) return ERR_INVALID;
    *out = (struct connection_made){.creation_time = now_ms()};
    random_uuid(out->session_id);
    struct session s = session_of(spec, out->session_id);
    struct db_scope scope = client_scope(spec->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(insert(&tx, spec, out->session_id, out->creation_time, by->by));
    TRY(refresh_make(arena, &tx, &s, out->creation_time, &out->refresh_token, &out->refresh_until));
    TRY(connection_record(&tx, s.client_id, s.session_id, "create", by));
    TRY(tx_commit(&tx));
    if (by->stamp) feed_published(spec->client_id, by->stamp);
    return OK;
}

/* ---- the command line's own ---- */

static const char shell_maker[] = "command line";

static enum err find_shell(struct tx *tx, const struct connection_spec *spec, char *session_id) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "update sessions set last_used = $4 where client_id = $1 and session_id = ("
               "    select session_id from sessions"
               "     where client_id = $1 and kind = 'robot' and session_name = $2 and role = $3 and all_tenants"
               "       and created_by = $5 and revoked_at = 0"
               "     order by creation_time, session_id limit 1)"
               " returning session_id",
               "sssis", spec->client_id, spec->name, role_code(spec->role), now_ms(), shell_maker));
    if (!rows.n) return ERR_NOT_FOUND;
    strcpy(session_id, rows_text(&rows, 0, 0));
    return OK;
}

static enum err make_shell(struct tx *tx, const struct connection_spec *spec, char *session_id) {
    struct change by = {.by = shell_maker, .connection = ""};
    int64_t now = now_ms();
    random_uuid(session_id);
    TRY(insert(tx, spec, session_id, now, shell_maker));
    TRY(tx_run(tx, NULL,
               "update sessions set activated_at = $3, last_used = $3 where client_id = $1 and session_id = $2", "ssi",
               spec->client_id, session_id, now));
    return connection_record(tx, spec->client_id, session_id, "create", &by);
}

enum err connection_shell_token(struct arena *arena, const char *client_id, enum role role, char **token) {
    struct connection_spec spec = {.client_id = client_id, .role = role, .all_tenants = true};
    spec.name = arena_printf(arena, "Command line (%s)", role_code(role));
    char session_id[UUID_BYTES];
    struct db_scope scope = client_scope(client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    enum err e = find_shell(&tx, &spec, session_id);
    if (e == ERR_NOT_FOUND) e = make_shell(&tx, &spec, session_id);
    TRY(e);
    TRY(tx_commit(&tx));
    struct session s = session_of(&spec, session_id);
    return access_make(arena, &s, now_ms(), token);
}
