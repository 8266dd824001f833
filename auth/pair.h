/* The tokens of a session: access and refresh token made as a pair, and the rows that remember refresh tokens.
 * Whatever makes, spends or ends a refresh token holds the session's row locked, so that of any number of requests
 * with one token one goes first and the others see what it did.
 *
 * Kept of a token are its SHA-256 and, for lost replies, the claims of the pair that it bought, from which the same
 * bytes are signed again. Source: contract A2, security.md "Tokens". */
#ifndef AUTH_PAIR_H
#define AUTH_PAIR_H

#include "auth/token.h"
#include "base/arena.h"
#include "base/db.h"

/* A row of sessions. Borrowed from the arena. */
struct session {
    const char *client_id; /* "*": of all clients */
    const char *session_id;
    const char *role;
    bool all_tenants, revoked;
    struct strings tenants; /* ids, empty when all_tenants */
};

/* Locks the row until the transaction ends; tx has client_scope(). ERR_TOKEN when there is none. */
enum err session_lock(struct arena *arena, struct tx *tx, const char *client_id, const char *session_id,
                      struct session *out) must_check;

/* Whether a token has room for these tenant ids; who limits a session to tenants asks before. */
enum { TOKEN_TENANTS_BYTES = 2300 };
bool token_holds(const struct strings *tenant_ids);

/* An access token alone. */
enum err access_make(struct arena *arena, const struct session *s, int64_t now_ms, char **token) must_check;

/* An initial refresh token (24 h), stored; sets the session's refresh_until. */
enum err refresh_make(struct arena *arena, struct tx *tx, const struct session *s, int64_t now_ms, char **token,
                      int64_t *until_ms) must_check;

struct pair {
    struct token_claims access, refresh;
    char *access_token, *refresh_token;
};
/* A fresh pair, not stored yet. */
enum err pair_make(struct arena *arena, const struct session *s, int64_t now_ms, struct pair *out) must_check;
/* The pair of stored claims, the same bytes as the first time. */
enum err pair_again(struct arena *arena, const struct session *s, const char *access_claims, const char *refresh_claims,
                    struct pair *out) must_check;
/* Stores its refresh token, spends the one that it was bought with ("" = none), notes the session's use. */
enum err pair_store(struct arena *arena, struct tx *tx, const struct session *s, const char *parent_jti,
                    const struct pair *pair, int64_t now_ms) must_check;

/* {"access_token":...,"refresh_token":...} */
void pair_write(struct buf *b, const struct pair *pair);

#endif
