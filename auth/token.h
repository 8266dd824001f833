/* Access and refresh tokens: JWTs (RFC 7519) signed by HMAC, and the only home of libjwt.
 *
 * Header, exactly: {"alg": "HS256", "kid": "...", "typ": "JWT"}. Payload, exactly:
 *   exp, iat   integers, seconds; exp - iat <= TOKEN_LIFE_MAX_S
 *   iss        "mdr-gateway"
 *   jti        unique id
 *   role       code of contract A3 or B ("SUPERVISOR")
 *   sub        "<client_id>+<session uuid>"; a client id may hold '+', the uuid stands after the last one
 *   tenants    list of tenant ids, "-" = root; [] = all tenants
 *   typ        "access" or "refresh"
 *   nbf        integer, optional; never written
 *
 * libjwt 1.10 takes the algorithm from the token and checks neither members nor times, so all of that is done here.
 * Sources: contract A2, security.md "Tokens", RFC 8725. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/keys.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/strings.h"

enum {
    TOKEN_BYTES_MAX = 4096,
    TOKEN_SKEW_S = 30, /* of iat and nbf ahead of our clock; exp has none: valid while now < exp */
    TOKEN_LIFE_MAX_S = 7 * 24 * 3600,
    TOKEN_ACCESS_LIFE_S = 3600,
    TOKEN_INITIAL_LIFE_S = 24 * 3600,     /* refresh token made with the connection or by session/restart */
    TOKEN_REFRESH_LIFE_S = 7 * 24 * 3600, /* refresh token made by session/confirm */
    TOKEN_ID_BYTES_MAX = 200,             /* 50 characters */
};

enum token_use { TOKEN_ACCESS = 1, TOKEN_REFRESH = 2 };

struct token_claims {
    enum token_use use;
    const char *client_id;  /* 1..200 bytes of UTF-8, no control characters */
    const char *session_id; /* uuid, lower case */
    const char *role;       /* capitals and _; whether the role exists is the caller's check */
    struct strings tenants; /* n == 0: all tenants */
    const char *jti;        /* 1..64 of A-Z a-z 0-9 - _ */
    int64_t iat_s, exp_s;
    const char *kid; /* the key; NULL when signing: the key that signs at iat (see token_kid) */
};

/* The kid that signs at that time: store it with the claims to be able to sign the same token again.
 * ERR_INTERNAL: no keys loaded. */
enum err token_kid(int64_t now_s, struct arena *arena, const char **kid) must_check;

/* Same claims and kid give the same bytes, on every node. ERR_INVALID: claims outside the ranges above, or more
 * tenants than TOKEN_BYTES_MAX holds (about 100 of 20 characters). ERR_INTERNAL: kid unknown, or no keys loaded. */
enum err token_sign(const struct token_claims *claims, struct arena *arena, char **out) must_check;

/* Everything but a sound, unexpired token of the wanted use is ERR_TOKEN (ERR_UNAVAILABLE only when out of memory),
 * `out` then empty and *why a few static words for the log, never for the client. No revocation check: that is the
 * sessions' work. Cheap checks first; no JSON of a stranger is parsed deeper than 2 levels. out->tenants etc. live in
 * the arena. */
enum err token_verify(const char *token, enum token_use wanted, int64_t now_s, struct arena *arena,
                      struct token_claims *out, const char **why) must_check;

/* SHA-256 in lower-case hex: what is stored of a refresh token. */
void token_hash(const char *token, char out_hex[65]);

#endif
