/* session/confirm: trades a refresh token for the next pair. */
#include <string.h>

#include "auth/connections.h"
#include "auth/pair.h"
#include "auth/rotation.h"
#include "auth/sessions.h"
#include "base/clock.h"
#include "base/log.h"
#include "build/gen/operations.h"

static enum err refuse(struct request *r, const char *why) {
    LOG(DEBUG, "refresh_refused", log_s("why", why), log_s("request_id", r->request_id));
    return fail(r, ERR_TOKEN, "The refresh token is invalid, expired, spent or revoked.");
}

/* A spent token may be presented for a day after it was spent, so also after its own end: what has expired meanwhile is
 * looked at as of a day ago. It lived a day at least, so it was issued before that. */
static enum err verify(struct request *r, const char *token, struct token_claims *out) {
    const char *why = NULL;
    int64_t now_s = now_ms() / 1000;
    enum err e = token_verify(token, TOKEN_REFRESH, now_s, r->arena, out, &why);
    if (e == ERR_TOKEN && !strcmp(why, "expired"))
        e = token_verify(token, TOKEN_REFRESH, now_s - ROTATION_REPLAY_MS / 1000, r->arena, out, &why);
    if (e == ERR_TOKEN) return refuse(r, why);
    TRY(e);
    if (strcmp(out->client_id, r->client_id) != 0 && strcmp(out->client_id, "*") != 0)
        return fail(r, ERR_FORBIDDEN, "The token does not cover this client.");
    return OK;
}

struct presented {
    struct rotation state;
    const char *access_claims, *child_claims;
};

static enum err look_up(struct request *r, struct tx *tx, const struct session *s, const char *jti, const char *token,
                        struct presented *out) {
    char hash[65];
    token_hash(token, hash);
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "select t.ended, t.expires_at, t.spent_at, c.jti is not null, c.spent_at, t.access_claims, t.child_claims"
        "  from refresh_tokens t"
        "  left join refresh_tokens c on c.client_id = t.client_id and c.jti = t.child_jti"
        " where t.client_id = $1 and t.session_id = $2 and t.jti = $3 and t.token_hash = $4",
        "ssss", s->client_id, s->session_id, jti, hash));
    *out = (struct presented){.state = {.known = rows.n > 0, .revoked = s->revoked}};
    if (!rows.n) return OK;
    out->state.ended = rows_bool(&rows, 0, 0);
    out->state.expires_at = rows_int(&rows, 0, 1);
    out->state.spent_at = rows_int(&rows, 0, 2);
    out->state.child_known = rows_bool(&rows, 0, 3);
    out->state.child_spent_at = rows_int(&rows, 0, 4);
    out->access_claims = arena_strdup(r->arena, rows_text(&rows, 0, 5));
    out->child_claims = arena_strdup(r->arena, rows_text(&rows, 0, 6));
    return OK;
}

/* The revocation has to outlive the refusal, so it is committed before it is answered. */
static enum err kill_connection(struct request *r, struct tx *tx, const struct session *s) {
    struct change by = {.by = "Token theft detection", .connection = s->session_id};
    TRY(connection_revoke(tx, s->client_id, s->session_id, &by));
    TRY(tx_commit(tx));
    session_forget(s->client_id, s->session_id);
    LOG(WARN, "refresh_token_reused", log_s("client_id", s->client_id), log_s("session", s->session_id),
        log_s("address", r->address), log_s("request_id", r->request_id));
    return refuse(r, "theft");
}

static enum err next_pair(struct request *r, struct tx *tx, const struct session *s, const char *jti,
                          struct pair *pair) {
    int64_t now = now_ms();
    TRY(pair_make(r->arena, s, now, pair));
    TRY(pair_store(r->arena, tx, s, jti, pair, now));
    return tx_commit(tx);
}

static enum err trade(struct request *r, struct tx *tx, const struct token_claims *claims, const char *token,
                      struct pair *pair) {
    struct session s;
    struct presented p;
    enum err e = session_lock(r->arena, tx, claims->client_id, claims->session_id, &s);
    if (e == ERR_TOKEN) return refuse(r, "no such session");
    TRY(e);
    TRY(look_up(r, tx, &s, claims->jti, token, &p));
    switch (rotation_judge(&p.state, now_ms())) {
    case ROTATE: return next_pair(r, tx, &s, claims->jti, pair);
    case ROTATE_AGAIN: return pair_again(r->arena, &s, p.access_claims, p.child_claims, pair);
    case ROTATE_THEFT: return kill_connection(r, tx, &s);
    case ROTATE_REFUSE: break;
    }
    return refuse(r, "rotation");
}

enum err session_confirm(struct request *r, const struct session_confirm_args *args, struct reply *out) {
    struct token_claims claims;
    struct pair pair;
    TRY(verify(r, args->refresh_token, &claims));
    struct db_scope scope = client_scope(claims.client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(trade(r, &tx, &claims, args->refresh_token, &pair));
    pair_write(&out->body, &pair);
    return OK;
}
