/* users/accept: a user who was invited sets the password. */
#include "auth/pair.h"
#include "auth/password.h"
#include "auth/users.h"
#include "auth/write.h"
#include "base/clock.h"
#include "build/gen/operations.h"

struct invited {
    const char *user_id, *email, *name;
};

static enum err refuse(struct request *r) { return fail(r, ERR_TOKEN, "The invitation is unknown, spent or expired."); }

static enum err find(struct request *r, const char *hash, struct invited *out) {
    struct db_scope scope = client_scope(r->client_id);
    scope_rows struct rows rows = {0};
    TRY(db_read(&scope, &rows,
                "select user_id, email, name from users"
                " where client_id = $1 and invitation_hash = $2 and status = 'invited' and invitation_until > $3",
                "ssi", r->client_id, hash, now_ms()));
    if (!rows.n) return refuse(r);
    out->user_id = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    out->email = arena_strdup(r->arena, rows_text(&rows, 0, 1));
    out->name = arena_strdup(r->arena, rows_text(&rows, 0, 2));
    return OK;
}

static enum err activate(struct request *r, struct tx *tx, const struct invited *who, const char *invitation_hash,
                         const char *hash) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "update users set status = 'active', password_hash = $4, invitation_hash = '', invitation_until = 0"
               " where client_id = $1 and user_id = $2 and invitation_hash = $3 and status = 'invited' returning 1",
               "ssss", r->client_id, who->user_id, invitation_hash, hash));
    return rows.n ? OK : refuse(r);
}

enum err users_accept(struct request *r, const struct users_accept_args *args, struct reply *out) {
    char invitation_hash[65], hash[PASSWORD_HASH_BYTES];
    const char *why = NULL;
    struct invited who = {0};
    token_hash(args->token, invitation_hash);
    TRY(find(r, invitation_hash, &who));
    if (password_check(args->password, who.email, &why) != OK) return fail_at(r, "/password", "%s.", why);
    TRY(password_hash(args->password, hash));
    struct change by = {.by = who.name, .connection = ""};
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(activate(r, &tx, &who, invitation_hash, hash));
    TRY(user_record(&tx, r->client_id, who.user_id, "update", &by));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, by.stamp, out);
}
