/* session/logout: this session's tokens stop working. An API connection that logs out is revoked for good. */
#include "auth/connections.h"
#include "auth/pair.h"
#include "auth/sessions.h"
#include "base/feed.h"
#include "build/gen/operations.h"

enum err session_logout(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    struct db_scope scope = session_scope(r->who.client_id);
    struct change by = {.by = r->who.name, .connection = r->who.session_id};
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(connection_revoke(&tx, r->who.client_id, r->who.session_id, &by));
    TRY(tx_commit(&tx));
    session_forget(r->who.client_id, r->who.session_id);
    if (by.stamp) feed_published(r->who.client_id, by.stamp);
    buf_adds(&out->body, "{}");
    return OK;
}
