#include "auth/token.h"

#include <errno.h>
#include <jansson.h>
#include <jwt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/sha256.h"

static const char issuer[] = "mdr-gateway";
static const char *const uses[] = {[TOKEN_ACCESS] = "access", [TOKEN_REFRESH] = "refresh"};
static const jwt_alg_t jwt_algs[KEY_ALGS] = {
    [KEY_HS256] = JWT_ALG_HS256, [KEY_HS384] = JWT_ALG_HS384, [KEY_HS512] = JWT_ALG_HS512};

enum { HEADER_BYTES_MAX = 256, PAYLOAD_BYTES_MAX = TOKEN_BYTES_MAX * 3 / 4, SIGNATURE_BYTES_MAX = 64, UUID_LEN = 36 };

/* The three parts, decoded. */
struct parts {
    char header[HEADER_BYTES_MAX], payload[PAYLOAD_BYTES_MAX];
    unsigned char signature[SIGNATURE_BYTES_MAX];
    size_t header_len, payload_len, signature_len;
};

static void jwt_drop(jwt_t **jwt) { jwt_free(*jwt); }
#define scope_jwt __attribute__((cleanup(jwt_drop)))

/* --- claims --- */

static bool only(const char *s, size_t max, const char *allowed) {
    size_t len = strnlen(s, max + 1);
    return len > 0 && len <= max && strspn(s, allowed) == len;
}

static bool plain_id(const char *s) {
    size_t len = strnlen(s, TOKEN_ID_BYTES_MAX + 1);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) return false;
    return len > 0 && len <= TOKEN_ID_BYTES_MAX;
}

static bool is_uuid(const char *s) {
    if (strnlen(s, UUID_LEN + 1) != UUID_LEN) return false;
    for (size_t i = 0; i < UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (!strchr(dash ? "-" : "0123456789abcdef", s[i])) return false;
    }
    return true;
}

/* NULL when all is in range. Shared, so that nothing can be signed that would not verify. */
static const char *claims_fault(const struct token_claims *c) {
    if (c->use != TOKEN_ACCESS && c->use != TOKEN_REFRESH) return "typ";
    if (!plain_id(c->client_id)) return "client id";
    if (!is_uuid(c->session_id)) return "session uuid";
    if (!only(c->role, 32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_")) return "role";
    if (!only(c->jti, 64, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) return "jti";
    for (size_t i = 0; i < c->tenants.n; i++)
        if (!plain_id(c->tenants.v[i])) return "tenants";
    if (c->iat_s < 0 || c->exp_s <= c->iat_s) return "exp";
    return c->exp_s - c->iat_s > TOKEN_LIFE_MAX_S ? "life" : NULL;
}

/* --- signing --- */

static void write_payload(struct buf *b, const struct token_claims *c, struct arena *arena) {
    json_open(b, '{');
    json_kint(b, "exp", c->exp_s);
    json_kint(b, "iat", c->iat_s);
    json_kstr(b, "iss", issuer);
    json_kstr(b, "jti", c->jti);
    json_kstr(b, "role", c->role);
    json_kstr(b, "sub", arena_printf(arena, "%s+%s", c->client_id, c->session_id));
    json_key(b, "tenants");
    json_open(b, '[');
    for (size_t i = 0; i < c->tenants.n; i++) json_str(b, c->tenants.v[i]);
    json_close(b, ']');
    json_kstr(b, "typ", uses[c->use]);
    json_close(b, '}');
}

/* libjwt writes header and payload with sorted members and no blanks: that makes the bytes repeatable. */
static char *encode(const char *payload, const struct key *key) {
    scope_jwt jwt_t *jwt = NULL;
    if (jwt_new(&jwt) || jwt_add_header(jwt, "kid", key->kid) || jwt_add_grants_json(jwt, payload)) return NULL;
    if (jwt_set_alg(jwt, jwt_algs[key->alg], key->secret, (int)key->secret_len)) return NULL;
    return jwt_encode_str(jwt);
}

static bool signing_key(const struct token_claims *c, struct key *out) {
    return c->kid ? keys_find(c->kid, out) : keys_signing(c->iat_s * 1000, out);
}

enum err token_sign(const struct token_claims *c, struct arena *arena, char **out) {
    scope_buf struct buf payload;
    scope_key struct key key = {0};
    buf_init(&payload, PAYLOAD_BYTES_MAX);
    if (claims_fault(c)) return ERR_INVALID;
    if (!signing_key(c, &key)) return ERR_INTERNAL;
    write_payload(&payload, c, arena);
    char *text = payload.failed ? NULL : encode(buf_text(&payload), &key);
    if (!text) return ERR_INVALID;
    bool fits = strlen(text) <= TOKEN_BYTES_MAX;
    if (fits) *out = arena_strdup(arena, text);
    free(text);
    return fits ? OK : ERR_INVALID;
}

enum err token_kid(int64_t now_s, struct arena *arena, const char **kid) {
    scope_key struct key key = {0};
    if (!keys_signing(now_s * 1000, &key)) return ERR_INTERNAL;
    *kid = arena_strdup(arena, key.kid);
    return OK;
}

/* --- verifying --- */

/* libsodium's decoder takes the bare URL-safe alphabet only, and no second spelling of the last character. */
static bool decode(const char *text, size_t len, void *out, size_t max, size_t *out_len) {
    return len > 0 &&
           sodium_base642bin(out, max, text, len, NULL, out_len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0;
}

static const char *split(const char *token, size_t len, struct parts *p) {
    const char *end = token + len, *first = memchr(token, '.', len);
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1))) return "parts";
    if (!decode(token, (size_t)(first - token), p->header, sizeof p->header, &p->header_len)) return "header base64";
    if (!decode(first + 1, (size_t)(second - first - 1), p->payload, sizeof p->payload, &p->payload_len))
        return "payload base64";
    if (!decode(second + 1, (size_t)(end - second - 1), p->signature, sizeof p->signature, &p->signature_len))
        return "signature base64";
    return NULL;
}

/* libjwt parses the payload before it looks at the signature, jansson recurses per level, our threads have small
 * stacks. */
static bool is_flat(const char *json, size_t len, int depth_max) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (quoted && json[i] == '\\') {
            i++;
            continue;
        }
        if (json[i] == '"') quoted = !quoted;
        if (quoted) continue;
        depth += (json[i] == '{' || json[i] == '[') - (json[i] == '}' || json[i] == ']');
        if (depth > depth_max) return false;
    }
    return true;
}

/* The key's own algorithm must be what the header says; nothing in the header chooses anything but the key. */
static const char *read_header(const struct parts *p, struct key *key) {
    const char *alg, *typ, *kid;
    if (!is_flat(p->header, p->header_len, 1)) return "header nesting";
    json_auto_t *header = json_loadb(p->header, p->header_len, JSON_REJECT_DUPLICATES, NULL);
    if (!header) return "header JSON";
    if (json_unpack_ex(header, NULL, JSON_STRICT, "{s:s,s:s,s:s}", "alg", &alg, "typ", &typ, "kid", &kid))
        return "header members";
    if (strcmp(typ, "JWT")) return "header typ";
    if (!keys_find(kid, key)) return "kid";
    if (strcmp(alg, key_alg_name(key->alg))) return "alg";
    return p->signature_len == key_alg_bytes(key->alg) ? NULL : "signature length";
}

static enum err check_signature(const char *token, const struct key *key, const char **why) {
    scope_jwt jwt_t *jwt = NULL;
    int failed = jwt_decode(&jwt, token, key->secret, (int)key->secret_len);
    if (failed == ENOMEM) return ERR_UNAVAILABLE;
    if (!failed && jwt_get_alg(jwt) == jwt_algs[key->alg]) return OK;
    *why = "signature";
    return ERR_TOKEN;
}

static bool read_tenants(json_t *list, struct arena *arena, struct strings *out) {
    size_t i;
    json_t *item;
    if (!json_is_array(list)) return false;
    const char **ids = arena_alloc(arena, json_array_size(list) * sizeof *ids);
    json_array_foreach(list, i, item) {
        if (!json_is_string(item)) return false;
        ids[i] = arena_strdup(arena, json_string_value(item));
    }
    *out = (struct strings){json_array_size(list), ids};
    return true;
}

static bool read_sub(const char *sub, struct arena *arena, struct token_claims *out) {
    const char *plus = strrchr(sub, '+');
    if (!plus) return false;
    out->client_id = arena_strndup(arena, sub, (size_t)(plus - sub));
    out->session_id = arena_strdup(arena, plus + 1);
    return true;
}

static enum token_use use_parse(const char *typ) {
    if (!strcmp(typ, uses[TOKEN_ACCESS])) return TOKEN_ACCESS;
    return strcmp(typ, uses[TOKEN_REFRESH]) ? 0 : TOKEN_REFRESH;
}

static const char *read_payload(const struct parts *p, int64_t now_s, struct arena *arena, struct token_claims *out) {
    const char *iss, *jti, *role, *sub, *typ;
    json_int_t exp, iat, nbf = 0;
    json_t *tenants;
    json_auto_t *payload = json_loadb(p->payload, p->payload_len, JSON_REJECT_DUPLICATES, NULL);
    if (!payload) return "payload JSON";
    if (json_unpack_ex(payload, NULL, JSON_STRICT, "{s:I,s:I,s:s,s:s,s:s,s:s,s:o,s:s,s?I}", "exp", &exp, "iat", &iat,
                       "iss", &iss, "jti", &jti, "role", &role, "sub", &sub, "tenants", &tenants, "typ", &typ, "nbf",
                       &nbf))
        return "payload members";
    if (strcmp(iss, issuer)) return "iss";
    if (!read_sub(sub, arena, out)) return "sub";
    if (!read_tenants(tenants, arena, &out->tenants)) return "tenants";
    out->use = use_parse(typ);
    out->jti = arena_strdup(arena, jti);
    out->role = arena_strdup(arena, role);
    out->exp_s = exp;
    out->iat_s = iat;
    if (exp <= now_s) return "expired";
    return iat > now_s + TOKEN_SKEW_S || nbf > now_s + TOKEN_SKEW_S ? "not yet valid" : claims_fault(out);
}

static enum err verify(const char *token, enum token_use wanted, int64_t now_s, struct arena *arena,
                       struct token_claims *out, const char **why) {
    scope_key struct key key = {0};
    struct parts p;
    size_t len = strnlen(token, TOKEN_BYTES_MAX + 1);
    *why = len == 0 || len > TOKEN_BYTES_MAX ? "length" : split(token, len, &p);
    if (!*why) *why = read_header(&p, &key);
    if (!*why && !is_flat(p.payload, p.payload_len, 2)) *why = "payload nesting";
    if (*why) return ERR_TOKEN;
    TRY(check_signature(token, &key, why));
    *why = read_payload(&p, now_s, arena, out);
    if (!*why && out->use != wanted) *why = "use";
    if (*why) return ERR_TOKEN;
    out->kid = arena_strdup(arena, key.kid);
    return OK;
}

enum err token_verify(const char *token, enum token_use wanted, int64_t now_s, struct arena *arena,
                      struct token_claims *out, const char **why) {
    const char *reason = NULL;
    *out = (struct token_claims){0};
    enum err e = verify(token, wanted, now_s, arena, out, &reason);
    if (e != OK) *out = (struct token_claims){0};
    if (why) *why = reason;
    return e;
}

void token_hash(const char *token, char out_hex[65]) { sha256_hex(token, strlen(token), out_hex); }
