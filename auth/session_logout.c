/* session/logout: this session's tokens stop working. An API connection that logs out is revoked for good. */
#include "auth/connections.h"
#include "auth/pair.h"
#include "auth/sessions.h"
#include "build/gen/operations.h"

enum err session_logout(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    struct db_scope scope = client_scope(r->who.client_id);
    struct change by = change_of(r);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(connection_revoke(&tx, r->who.client_id, r->who.session_id, &by));
    buf_adds(&out->body, "{}");
    TRY(write_commit(r, &tx, by.stamp, out));
    session_forget(r->who.client_id, r->who.session_id);
    return OK;
}
