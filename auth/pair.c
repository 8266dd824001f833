#include "auth/pair.h"

#include <jansson.h>
#include <string.h>

#include "base/random.h"

/* Stands for "limited to tenants of which none is left": an empty list in a token means all. */
static const char *const no_tenant[] = {"(none)"};

enum err session_lock(struct arena *arena, struct tx *tx, const char *client_id, const char *session_id,
                      struct session *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select role, all_tenants, array_to_string(tenants, ','), revoked_at <> 0"
               "  from sessions where client_id = $1 and session_id = $2 for no key update",
               "ss", client_id, session_id));
    if (!rows.n) return ERR_TOKEN;
    *out = (struct session){
        .client_id = client_id,
        .session_id = session_id,
        .role = arena_strdup(arena, rows_text(&rows, 0, 0)),
        .all_tenants = rows_bool(&rows, 0, 1),
        .revoked = rows_bool(&rows, 0, 3),
    };
    if (!out->all_tenants) out->tenants = strings_split(arena, rows_text(&rows, 0, 2), ',');
    return OK;
}

bool token_holds(const struct strings *tenant_ids) {
    size_t bytes = 0;
    for (size_t i = 0; i < tenant_ids->n; i++)
        for (const char *c = tenant_ids->v[i]; *c; c++) bytes += *c == '"' || *c == '\\' ? 2 : 1;
    return bytes + 3 * tenant_ids->n <= TOKEN_TENANTS_BYTES;
}

/* ---- claims ---- */

static enum err claims_new(struct arena *arena, const struct session *s, enum token_use use, int64_t life_s,
                           int64_t now_ms, struct token_claims *out) {
    char *jti = arena_alloc(arena, ID20_BYTES);
    random_id20(jti);
    *out = (struct token_claims){
        .use = use,
        .client_id = s->client_id,
        .session_id = s->session_id,
        .role = s->role,
        .tenants = s->tenants,
        .jti = jti,
        .iat_s = now_ms / 1000,
        .exp_s = now_ms / 1000 + life_s,
    };
    if (!s->all_tenants && !s->tenants.n) out->tenants = (struct strings){1, (const char **)no_tenant};
    return token_kid(out->iat_s, arena, &out->kid);
}

static const char *claims_text(struct arena *arena, const struct token_claims *c) {
    scope_buf struct buf b;
    buf_init(&b, 2 * TOKEN_BYTES_MAX);
    json_open(&b, '{');
    json_kstr(&b, "kid", c->kid);
    json_kstr(&b, "jti", c->jti);
    json_kstr(&b, "role", c->role);
    json_kint(&b, "iat", c->iat_s);
    json_kint(&b, "exp", c->exp_s);
    json_key(&b, "tenants");
    json_strings(&b, &c->tenants);
    json_close(&b, '}');
    return arena_strdup(arena, buf_text(&b));
}

static struct strings read_list(struct arena *arena, const json_t *list) {
    struct strings out = strings_new(arena, json_array_size(list));
    for (; out.n < json_array_size(list); out.n++)
        out.v[out.n] = arena_strdup(arena, json_string_value(json_array_get(list, out.n)));
    return out;
}

static enum err claims_read(struct arena *arena, const struct session *s, enum token_use use, const char *text,
                            struct token_claims *out) {
    const char *kid, *jti, *role;
    json_int_t iat, exp;
    json_t *tenants;
    json_auto_t *root = json_loads(text, 0, NULL);
    if (json_unpack(root, "{s:s,s:s,s:s,s:I,s:I,s:o}", "kid", &kid, "jti", &jti, "role", &role, "iat", &iat, "exp",
                    &exp, "tenants", &tenants))
        return ERR_INTERNAL;
    *out = (struct token_claims){
        .use = use,
        .client_id = s->client_id,
        .session_id = s->session_id,
        .role = arena_strdup(arena, role),
        .tenants = read_list(arena, tenants),
        .jti = arena_strdup(arena, jti),
        .iat_s = iat,
        .exp_s = exp,
        .kid = arena_strdup(arena, kid),
    };
    return OK;
}

/* ---- tokens ---- */

enum err access_make(struct arena *arena, const struct session *s, int64_t now_ms, char **token) {
    struct token_claims claims;
    TRY(claims_new(arena, s, TOKEN_ACCESS, TOKEN_ACCESS_LIFE_S, now_ms, &claims));
    return token_sign(&claims, arena, token);
}

static enum err store_initial(struct tx *tx, const struct token_claims *c, const char *hash) {
    return tx_run(tx, NULL,
                  "with made as (insert into refresh_tokens (client_id, session_id, jti, token_hash, expires_at)"
                  "              values ($1, $2, $3, $4, $5))"
                  " update sessions set refresh_until = $5 where client_id = $1 and session_id = $2",
                  "ssssi", c->client_id, c->session_id, c->jti, hash, c->exp_s * 1000);
}

enum err refresh_make(struct arena *arena, struct tx *tx, const struct session *s, int64_t now_ms, char **token,
                      int64_t *until_ms) {
    struct token_claims claims;
    char hash[65];
    TRY(claims_new(arena, s, TOKEN_REFRESH, TOKEN_INITIAL_LIFE_S, now_ms, &claims));
    TRY(token_sign(&claims, arena, token));
    token_hash(*token, hash);
    *until_ms = claims.exp_s * 1000;
    return store_initial(tx, &claims, hash);
}

static enum err sign_both(struct arena *arena, struct pair *p) {
    TRY(token_sign(&p->access, arena, &p->access_token));
    return token_sign(&p->refresh, arena, &p->refresh_token);
}

enum err pair_make(struct arena *arena, const struct session *s, int64_t now_ms, struct pair *out) {
    TRY(claims_new(arena, s, TOKEN_ACCESS, TOKEN_ACCESS_LIFE_S, now_ms, &out->access));
    TRY(claims_new(arena, s, TOKEN_REFRESH, TOKEN_REFRESH_LIFE_S, now_ms, &out->refresh));
    return sign_both(arena, out);
}

enum err pair_again(struct arena *arena, const struct session *s, const char *access_claims, const char *refresh_claims,
                    struct pair *out) {
    TRY(claims_read(arena, s, TOKEN_ACCESS, access_claims, &out->access));
    TRY(claims_read(arena, s, TOKEN_REFRESH, refresh_claims, &out->refresh));
    return sign_both(arena, out);
}

/* Rows that no verifiable token can name any more go with it: a token counts for a day after its end (session_confirm.c). */
enum err pair_store(struct arena *arena, struct tx *tx, const struct session *s, const char *parent_jti,
                    const struct pair *pair, int64_t now_ms) {
    char hash[65];
    token_hash(pair->refresh_token, hash);
    return tx_run(tx, NULL,
                  "with spent as (update refresh_tokens set spent_at = $7, child_jti = $4, child_claims = $8,"
                  "                      access_claims = $9"
                  "                where client_id = $1 and session_id = $2 and jti = $3 and spent_at = 0),"
                  "     old as (delete from refresh_tokens"
                  "              where client_id = $1 and session_id = $2 and expires_at < $7 - 2 * 86400000),"
                  "     used as (update sessions set last_used = $7, refresh_until = $6,"
                  "                     activated_at = case when activated_at = 0 then $7 else activated_at end"
                  "               where client_id = $1 and session_id = $2)"
                  " insert into refresh_tokens (client_id, session_id, jti, token_hash, expires_at)"
                  " values ($1, $2, $4, $5, $6)",
                  "sssssiiss", s->client_id, s->session_id, parent_jti, pair->refresh.jti, hash,
                  pair->refresh.exp_s * 1000, now_ms, claims_text(arena, &pair->refresh),
                  claims_text(arena, &pair->access));
}

void pair_write(struct buf *b, const struct pair *pair) {
    json_open(b, '{');
    json_kstr(b, "access_token", pair->access_token);
    json_kstr(b, "refresh_token", pair->refresh_token);
    json_close(b, '}');
}
