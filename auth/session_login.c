/* session/login: e-mail, password and, where the user has one, a second factor's code. Whatever is wrong, the answer
 * and the time that it takes are the same. */
#include <string.h>

#include "auth/connections.h"
#include "auth/factor.h"
#include "auth/lockout.h"
#include "auth/pair.h"
#include "auth/password.h"
#include "base/clock.h"
#include "base/feed.h"
#include "build/gen/operations.h"

struct account {
    const char *user_id, *password_hash; /* user_id "" = unknown */
};

static enum err find(struct request *r, const char *email, struct account *out) {
    struct db_scope scope = client_scope(r->client_id);
    scope_rows struct rows rows = {0};
    TRY(db_read(&scope, &rows,
                "select user_id, password_hash from users where client_id = $1 and lower(email) = lower($2)", "ss",
                r->client_id, email));
    out->user_id = rows.n ? arena_strdup(r->arena, rows_text(&rows, 0, 0)) : "";
    out->password_hash = rows.n ? arena_strdup(r->arena, rows_text(&rows, 0, 1)) : "";
    return OK;
}

static enum err check_password(const struct account *a, const char *password) {
    return *a->password_hash ? password_verify(a->password_hash, password) : password_verify_dummy(password);
}

/* The user may have changed since the password was looked at. */
static enum err lock_user(struct request *r, struct tx *tx, const struct account *a, const char *code,
                          const char **name) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select name, totp_enabled, coalesce(encode(totp_sealed, 'hex'), '') from users"
               " where client_id = $1 and user_id = $2 and status = 'active' and password_hash = $3 for no key update",
               "sss", r->client_id, a->user_id, a->password_hash));
    if (!rows.n) return ERR_CREDENTIALS;
    *name = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    return rows_bool(&rows, 0, 1) ? factor_spend(tx, r->client_id, a->user_id, rows_text(&rows, 0, 2), code) : OK;
}

/* Sessions that nobody can refresh any more go by the way. */
static enum err open_session(struct request *r, struct tx *tx, const struct account *a, struct session *out) {
    char *session_id = arena_alloc(r->arena, UUID_BYTES);
    random_uuid(session_id);
    TRY(tx_run(tx, NULL,
               "with old as (delete from sessions where client_id = $1 and user_id = $3 and kind = 'user'"
               "              and refresh_until < $4 - 30 * 86400000::bigint)"
               " insert into sessions (client_id, session_id, kind, session_name, role, all_tenants, tenants, user_id,"
               "                       created_by, creation_time)"
               " select client_id, $2, 'user', name, role, all_tenants, tenants, user_id, name, $4"
               "   from users where client_id = $1 and user_id = $3",
               "sssi", r->client_id, session_id, a->user_id, now_ms()));
    return session_lock(r->arena, tx, r->client_id, session_id, out);
}

static enum err enter(struct request *r, const struct session_login_args *args, const struct account *a,
                      struct pair *pair) {
    struct db_scope scope = client_scope(r->client_id);
    struct change by = {0};
    struct session s;
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(lock_user(r, &tx, a, args->code, &by.by));
    TRY(open_session(r, &tx, a, &s));
    TRY(pair_make(r->arena, &s, now_ms(), pair));
    TRY(pair_store(r->arena, &tx, &s, "", pair, now_ms()));
    TRY(lockout_passed(&tx, r->client_id, args->email));
    by.connection = s.session_id;
    TRY(connection_record(&tx, s.client_id, s.session_id, "create", &by));
    TRY(tx_commit(&tx));
    feed_published(r->client_id, by.stamp);
    return OK;
}

enum err session_login(struct request *r, const struct session_login_args *args, struct reply *out) {
    struct account account;
    struct pair pair;
    bool locked = false;
    TRY(lockout_attempt(r, args->email, &locked));
    TRY(find(r, args->email, &account));
    enum err e = check_password(&account, args->password);
    if (e == OK && locked) e = ERR_CREDENTIALS;
    if (e == OK) e = enter(r, args, &account, &pair);
    if (e == ERR_CREDENTIALS) {
        TRY(lockout_failed(r));
        return fail(r, e, "The e-mail, the password or the code is wrong, or the account is locked for a while.");
    }
    TRY(e);
    pair_write(&out->body, &pair);
    return OK;
}
