#include "auth/lockout.h"
#include "auth/pair.h"
#include "auth/users.h"
#include "auth/write.h"
#include "build/gen/operations.h"

/* The ledger's row of the deletion holds the user as they last were, so it is written before. */
static enum err remove_user(struct request *r, struct tx *tx, const struct user *u, struct change *by) {
    TRY(user_record(tx, r->client_id, u->user_id, "delete", by));
    return tx_run(tx, NULL, "delete from users where client_id = $1 and user_id = $2", "ss", r->client_id, u->user_id);
}

enum err users_delete(struct request *r, const struct users_delete_args *args, struct reply *out) {
    struct user u;
    struct strings ended = {0};
    struct change by = change_of(r);
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(user_lock(r, &tx, args->user_id, true, &u));
    TRY(user_not_last_admin(r, &tx, &u));
    TRY(lockout_passed(&tx, r->client_id, u.email));
    TRY(user_sessions_revoke(r, &tx, u.user_id, "", &by, &ended));
    TRY(remove_user(r, &tx, &u, &by));
    buf_adds(&out->body, "{}");
    TRY(write_commit(r, &tx, by.stamp, out));
    user_sessions_forget(r->client_id, &ended);
    return OK;
}
