/* users/update: what people change of themselves, and administrators of everybody. */
#include <string.h>

#include "auth/factor.h"
#include "auth/lockout.h"
#include "auth/pair.h"
#include "auth/password.h"
#include "auth/tenant_choice.h"
#include "auth/users.h"
#include "auth/write.h"
#include "build/gen/operations.h"

struct update {
    const struct users_update_args *args;
    bool self, admin;
    struct tenant_choice tenants; /* where args->tenants is given */
    const char *verified_hash;    /* of the current password, where a new one is set */
    char new_hash[PASSWORD_HASH_BYTES];
    struct user user; /* as it was */
    struct change by;
    struct strings ended, changed; /* sessions */
    const char *totp_uri;
};

/* ---- may they ---- */

static bool is(const char *given, const char *text) { return given && !strcmp(given, text); }

static enum err check_rights(struct request *r, const struct update *u) {
    const struct users_update_args *a = u->args;
    if (!u->self && !u->admin) return fail(r, ERR_FORBIDDEN, "Only an administrator changes other users.");
    if (!u->admin && (a->role || a->tenants || a->has_disabled))
        return fail(r, ERR_FORBIDDEN, "Only an administrator changes role, tenants and who is disabled.");
    if (!u->self && (a->password || is(a->totp, "enable") || is(a->totp, "confirm")))
        return fail(r, ERR_FORBIDDEN, "Only the users themselves set their password and second factor.");
    return OK;
}

static enum err check_members(struct request *r, const struct update *u) {
    const struct users_update_args *a = u->args;
    enum err e = OK;
    if (a->password && !a->current_password)
        e = fail_at(r, "/current_password", "A new password needs the current one.");
    if (is(a->totp, "confirm") && !a->code) e = fail_at(r, "/code", "Confirming needs a code of the authenticator.");
    if (is(a->totp, "disable") && u->self && !a->code)
        e = fail_at(r, "/code", "Giving up one's second factor needs a code of it.");
    return e;
}

/* ---- secrets: guessing them is counted, and hashing is slow, so both come before the transaction ---- */

static bool gives_secret(const struct update *u) {
    return u->args->password || (u->self && u->args->totp && u->args->code);
}

static enum err refuse_password(struct request *r) {
    return fail(r, ERR_CREDENTIALS, "The current password is wrong, or the account is locked for a while.");
}

static enum err prepare_password(struct request *r, struct update *u, bool locked) {
    enum err e = password_verify(u->verified_hash, u->args->current_password);
    if (e == ERR_CREDENTIALS || (e == OK && locked)) return refuse_password(r);
    TRY(e);
    return password_hash(u->args->password, u->new_hash);
}

static enum err prepare_secret(struct request *r, struct update *u) {
    struct db_scope scope = client_scope(r->client_id);
    scope_rows struct rows rows = {0};
    const char *why = NULL, *password = u->args->password;
    bool locked = false;
    TRY(db_read(&scope, &rows, "select password_hash, email from users where client_id = $1 and user_id = $2", "ss",
                r->client_id, u->args->user_id));
    if (!rows.n) return fail_not_found(r);
    if (password && password_check(password, rows_text(&rows, 0, 1), &why) != OK)
        return fail_at(r, "/password", "%s.", why);
    TRY(lockout_attempt(r, rows_text(&rows, 0, 1), &locked));
    if (!password) return locked ? refuse_password(r) : OK;
    u->verified_hash = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    return prepare_password(r, u, locked);
}

/* ---- the change ---- */

static bool takes_power(const struct update *u) {
    const struct users_update_args *a = u->args;
    return (a->role && strcmp(a->role, "SUPERVISOR") != 0) || (a->has_disabled && a->disabled) ||
           (a->tenants && u->user.all_tenants && !u->tenants.all);
}

static const char *new_status(const struct update *u) {
    if (!u->args->has_disabled) return u->user.status;
    if (u->args->disabled) return "disabled";
    if (strcmp(u->user.status, "disabled") != 0) return u->user.status;
    return *u->user.password_hash ? "active" : "invited";
}

static enum err store(struct request *r, struct tx *tx, struct update *u) {
    const struct users_update_args *a = u->args;
    struct user *was = &u->user;
    return tx_run(
        tx, NULL,
        "update users set name = $3, role = $4, all_tenants = $5, tenants = $6, language = coalesce($7, language),"
        "       status = $8, password_hash = $9"
        " where client_id = $1 and user_id = $2",
        "ssssbSsss", r->client_id, was->user_id, a->name ? a->name : was->name, a->role ? a->role : was->role,
        a->tenants ? u->tenants.all : was->all_tenants, a->tenants ? &u->tenants.ids : &was->tenants, a->language,
        new_status(u), a->password ? u->new_hash : was->password_hash);
}

/* A session carries its user's name, role and tenants, so that looking it up stays one row. */
static enum err update_sessions(struct request *r, struct tx *tx, struct update *u) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "update sessions s set session_name = u.name, role = u.role, all_tenants = u.all_tenants,"
               "       tenants = u.tenants"
               "  from users u"
               " where u.client_id = $1 and u.user_id = $2 and s.client_id = $1 and s.user_id = $2 and s.kind = 'user'"
               "   and s.revoked_at = 0"
               "   and (s.session_name, s.role, s.all_tenants, s.tenants) is distinct from"
               "       (u.name, u.role, u.all_tenants, u.tenants)"
               " returning s.session_id",
               "ss", r->client_id, u->user.user_id));
    u->changed = rows_strings(&rows, 0, r->arena);
    return OK;
}

static enum err end_sessions(struct request *r, struct tx *tx, struct update *u) {
    bool all = u->args->has_disabled && u->args->disabled;
    if (!all && !u->args->password) return OK;
    return user_sessions_revoke(r, tx, u->user.user_id, all ? "" : r->who.session_id, &u->by, &u->ended);
}

static enum err spend_code(struct request *r, struct tx *tx, struct update *u) {
    enum err e = factor_spend(tx, r->client_id, u->user.user_id, u->user.totp_sealed_hex, u->args->code);
    return e == ERR_CREDENTIALS ? fail(r, e, "The code is wrong, or was used before.") : e;
}

static enum err change_factor(struct request *r, struct tx *tx, struct update *u) {
    const char *totp = u->args->totp, *user_id = u->user.user_id;
    if (!totp) return OK;
    if (!strcmp(totp, "enable")) {
        if (u->user.totp_enabled) return fail(r, ERR_CONFLICT, "There is a second factor already; disable it first.");
        return factor_new(r->arena, tx, r->client_id, user_id, u->user.email, &u->totp_uri);
    }
    if (!strcmp(totp, "confirm")) {
        if (u->user.totp_enabled) return fail(r, ERR_CONFLICT, "The second factor is confirmed already.");
        TRY(spend_code(r, tx, u));
        return factor_confirm(tx, r->client_id, user_id);
    }
    if (u->self && u->user.totp_enabled) TRY(spend_code(r, tx, u));
    return factor_drop(tx, r->client_id, user_id);
}

static enum err change_user(struct request *r, struct tx *tx, struct update *u) {
    const struct users_update_args *a = u->args;
    TRY(user_lock(r, tx, a->user_id, a->role || a->tenants || a->has_disabled, &u->user));
    if (takes_power(u)) TRY(user_not_last_admin(r, tx, &u->user));
    if (u->verified_hash && strcmp(u->verified_hash, u->user.password_hash) != 0)
        return fail(r, ERR_CONFLICT, "The password was changed by somebody else meanwhile.");
    TRY(store(r, tx, u));
    TRY(change_factor(r, tx, u));
    TRY(update_sessions(r, tx, u));
    if (gives_secret(u)) TRY(lockout_passed(tx, r->client_id, u->user.email));
    TRY(end_sessions(r, tx, u));
    return user_record(tx, r->client_id, a->user_id, "update", &u->by);
}

static enum err prepare(struct request *r, struct update *u) {
    TRY(check_rights(r, u));
    TRY(check_members(r, u));
    if (u->args->tenants) TRY(tenants_choose(r, u->args->tenants, u->args->tenants_n, &u->tenants));
    return gives_secret(u) ? prepare_secret(r, u) : OK;
}

static enum err apply(struct request *r, struct update *u, struct reply *out) {
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(change_user(r, &tx, u));
    json_open(&out->body, '{');
    json_key(&out->body, "user");
    TRY(user_write(r, &tx, u->args->user_id, &out->body));
    json_kstr(&out->body, "totp_uri", u->totp_uri);
    json_close(&out->body, '}');
    return write_commit(r, &tx, u->by.stamp, out);
}

enum err users_update(struct request *r, const struct users_update_args *args, struct reply *out) {
    struct update u = {.args = args, .totp_uri = "", .by = change_of(r)};
    u.self = *r->who.user_id && !strcmp(r->who.user_id, args->user_id);
    u.admin = r->who.role == ROLE_SUPERVISOR;
    enum err e = prepare(r, &u);
    if (e == OK) e = apply(r, &u, out);
    if (e == ERR_CREDENTIALS) TRY(lockout_failed(r));
    TRY(e);
    user_sessions_forget(r->client_id, &u.ended);
    user_sessions_forget(r->client_id, &u.changed);
    return OK;
}
