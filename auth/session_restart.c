/* session/restart: a new initial refresh token; the earlier chain ends. */
#include "auth/connections.h"
#include "auth/pair.h"
#include "base/clock.h"
#include "build/gen/operations.h"

static enum err end_chain(struct tx *tx, const struct session *s) {
    return tx_run(tx, NULL,
                  "update refresh_tokens set ended = true where client_id = $1 and session_id = $2 and not ended", "ss",
                  s->client_id, s->session_id);
}

enum err session_restart(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    struct db_scope scope = client_scope(r->who.client_id);
    struct change by = change_of(r);
    struct session s;
    char *token = NULL;
    int64_t until = 0;
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(session_lock(r->arena, &tx, r->who.client_id, r->who.session_id, &s));
    if (s.revoked) return fail(r, ERR_TOKEN, "The token is invalid, expired or revoked.");
    TRY(end_chain(&tx, &s));
    TRY(refresh_make(r->arena, &tx, &s, now_ms(), &token, &until));
    TRY(connection_record(&tx, s.client_id, s.session_id, "update", &by));
    json_open(&out->body, '{');
    json_kstr(&out->body, "refresh_token", token);
    json_close(&out->body, '}');
    return write_commit(r, &tx, by.stamp, out);
}
