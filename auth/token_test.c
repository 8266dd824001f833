/* Attacks tried here, each of which must be refused, and at the stage that is meant to refuse it:
 *   1  alg none in every case, with and without signature        2  HS256 by another key; by an empty key
 *   3  alg swapped: HS384, HS512, RS256, ES256, unknown, number  4  kid missing, unknown, empty, path, SQL, number
 *   5  duplicate members in header and payload                   6  jku, x5u, jwk, x5c, crit, b64, zip in header
 *   7  expired; exp as string, float, huge, negative, missing    8  iat or nbf ahead; too long a life
 *   9  sub without +, bad uuid, no client id                     10 wrong iss; jti, role, tenants missing or mistyped
 *   11 access for refresh and the reverse; other typ             12 signature cut, longer, empty
 *   13 trailing bytes, blanks, padding, + and /, other spelling of the last base64 character
 *   14 1 MB token, nesting bombs (header and payload, on a small stack), one, two, four, five parts
 *   15 NUL and invalid UTF-8 inside header and payload           16 each byte of a good token changed
 *   17 the MACs of the Wycheproof JWS vectors, with their keys loaded (when the file lies beside the project) */
#include "auth/token.h"

#include <jansson.h>
#include <nettle/hmac.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit.h"

#define KID "k1"
#define UUID "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define GOOD_HEADER "{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}"
#define TIMES "\"exp\":2000,\"iat\":1000,"
#define REST "\"iss\":\"mdr-gateway\",\"jti\":\"j1\",\"role\":\"OFFICER\","
#define SUB "\"sub\":\"c+" UUID "\","
#define TAIL "\"tenants\":[],\"typ\":\"access\""
#define GOOD_PAYLOAD "{" TIMES REST SUB TAIL "}"

enum { NOW = 1500 };
static char folder[] = "/tmp/token-test-XXXXXX", key_path[64];
static const char key1[] = "0123456789abcdef0123456789abcdef", key2[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
static struct arena arena;

static const char *base64(const void *bytes, size_t len) {
    size_t room = sodium_base64_encoded_len(len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return sodium_bin2base64(arena_alloc(&arena, room), room, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void load_key_json(const char *kid, const char *secret_base64) {
    unlink(key_path);
    FILE *f = fopen(key_path, "w");
    assert_non_null(f);
    fprintf(f,
            "{\"keys\":[{\"kid\":\"%s\",\"alg\":\"HS256\",\"secret\":\"%s\",\"created\":1},"
            "{\"kid\":\"other\",\"alg\":\"HS512\",\"secret\":\"%s\",\"created\":1}],\"box\":\"%s\"}",
            kid, secret_base64, base64("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64),
            base64(key2, 32));
    fclose(f);
    assert_int_equal(chmod(key_path, 0400), 0);
    assert_int_equal(keys_load(key_path, 0, NULL), OK);
}

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 256u << 20);
    load_key_json(KID, base64(key1, 32));
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free(&arena);
    keys_forget();
    return 0;
}

static const char *signed_part(const char *text, const void *key, size_t key_len) {
    crypto_auth_hmacsha256_state h;
    unsigned char mac[32];
    crypto_auth_hmacsha256_init(&h, key, key_len);
    crypto_auth_hmacsha256_update(&h, (const unsigned char *)text, strlen(text));
    crypto_auth_hmacsha256_final(&h, mac);
    return arena_printf(&arena, "%s.%s", text, base64(mac, 32));
}

static const char *forge_n(const char *header, size_t header_len, const char *payload, size_t payload_len,
                           const void *key) {
    return signed_part(arena_printf(&arena, "%s.%s", base64(header, header_len), base64(payload, payload_len)), key,
                       strlen(key));
}

static const char *forge(const char *header, const char *payload) {
    return forge_n(header, strlen(header), payload, strlen(payload), key1);
}

static const char *refusal(const char *token, enum token_use wanted) {
    struct token_claims c;
    const char *why = NULL;
    assert_int_equal(token_verify(token, wanted, NOW, &arena, &c, &why), ERR_TOKEN);
    assert_null(c.client_id);
    assert_non_null(why);
    return why;
}

static void refused(const char *token, const char *stage) { assert_string_equal(refusal(token, TOKEN_ACCESS), stage); }

static void refused_header(const char *header, const char *stage) { refused(forge(header, GOOD_PAYLOAD), stage); }

static void refused_payload(const char *payload, const char *stage) { refused(forge(GOOD_HEADER, payload), stage); }

static const struct token_claims *good_claims(void) {
    static const char *tenants[] = {"-", "t\xc3\xa9nant \"1\""};
    static const struct token_claims c = {.use = TOKEN_ACCESS,
                                          .client_id = "a+b+\xe6\x97\xa5",
                                          .session_id = UUID,
                                          .role = "SENIOR_OFFICER",
                                          .tenants = {2, tenants},
                                          .jti = "j_-9",
                                          .iat_s = 1000,
                                          .exp_s = 4600};
    return &c;
}

/* --- what must pass --- */

static void test_round_trip(void **state) {
    (void)state;
    char *token;
    const char *why = "?";
    struct token_claims c;
    assert_int_equal(token_sign(good_claims(), &arena, &token), OK);
    assert_int_equal(token_verify(token, TOKEN_ACCESS, NOW, &arena, &c, &why), OK);
    assert_null(why);
    assert_string_equal(c.client_id, good_claims()->client_id);
    assert_string_equal(c.session_id, UUID);
    assert_string_equal(c.role, "SENIOR_OFFICER");
    assert_string_equal(c.jti, "j_-9");
    assert_string_equal(c.kid, KID);
    assert_int_equal(c.tenants.n, 2);
    assert_string_equal(c.tenants.v[1], good_claims()->tenants.v[1]);
    assert_int_equal(c.iat_s, 1000);
    assert_int_equal(c.exp_s, 4600);
    assert_int_equal(c.use, TOKEN_ACCESS);
}

static void test_same_claims_same_bytes(void **state) {
    (void)state;
    char *a, *b;
    struct token_claims c = *good_claims();
    assert_int_equal(token_sign(&c, &arena, &a), OK);
    assert_int_equal(token_kid(c.iat_s, &arena, &c.kid), OK);
    assert_int_equal(token_sign(&c, &arena, &b), OK);
    assert_string_equal(a, b);
    c.tenants.n = 0;
    c.client_id = "c";
    c.role = "OFFICER";
    c.jti = "j1";
    c.exp_s = 2000;
    assert_int_equal(token_sign(&c, &arena, &a), OK);
    assert_string_equal(a, forge(GOOD_HEADER, GOOD_PAYLOAD));
}

static void test_forger_makes_good_tokens(void **state) {
    (void)state;
    struct token_claims c;
    assert_int_equal(token_verify(forge(GOOD_HEADER, GOOD_PAYLOAD), TOKEN_ACCESS, NOW, &arena, &c, NULL), OK);
    assert_int_equal(c.tenants.n, 0);
    assert_int_equal(
        token_verify(forge(GOOD_HEADER, "{\"nbf\":1530," TIMES REST SUB TAIL "}"), TOKEN_ACCESS, NOW, &arena, &c, NULL),
        OK);
}

static void test_sign_refuses(void **state) {
    (void)state;
    char *token;
    struct token_claims c = *good_claims();
#define REFUSED(member, value, error)                                                                                  \
    c = *good_claims();                                                                                                \
    c.member = value;                                                                                                  \
    assert_int_equal(token_sign(&c, &arena, &token), error)
    REFUSED(use, 0, ERR_INVALID);
    REFUSED(client_id, "", ERR_INVALID);
    REFUSED(client_id, "a\nb", ERR_INVALID);
    REFUSED(client_id, "\xff\xfe", ERR_INVALID);
    REFUSED(session_id, "7C9E6679-7425-40DE-944B-E07FC1F90AE7", ERR_INVALID);
    REFUSED(role, "officer", ERR_INVALID);
    REFUSED(jti, "", ERR_INVALID);
    REFUSED(exp_s, 1000, ERR_INVALID);
    REFUSED(exp_s, 1000 + TOKEN_LIFE_MAX_S + 1, ERR_INVALID);
    REFUSED(iat_s, -1, ERR_INVALID);
    REFUSED(kid, "no-such", ERR_INTERNAL);
#undef REFUSED
}

static void test_too_many_tenants(void **state) {
    (void)state;
    char *token;
    const char *ids[400];
    struct token_claims c = *good_claims(), back;
    for (size_t i = 0; i < 400; i++) ids[i] = "abcdefghijklmnopqrst";
    c.tenants = (struct strings){400, ids};
    assert_int_equal(token_sign(&c, &arena, &token), ERR_INVALID);
    c.tenants.n = 110;
    assert_int_equal(token_sign(&c, &arena, &token), OK);
    assert_int_equal(token_verify(token, TOKEN_ACCESS, NOW, &arena, &back, NULL), OK);
    assert_int_equal(back.tenants.n, 110);
}

static void test_hash(void **state) {
    (void)state;
    char hex[65];
    token_hash("abc", hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* --- attacks --- */

static void test_alg_none(void **state) {
    (void)state;
    static const char *const names[] = {"none", "None", "NONE", "nOnE", "", "n\\u006fne"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *header = arena_printf(&arena, "{\"alg\":\"%s\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}", names[i]);
        refused_header(header, "alg");
        const char *bare =
            arena_printf(&arena, "%s.%s.", base64(header, strlen(header)), base64(GOOD_PAYLOAD, strlen(GOOD_PAYLOAD)));
        refused(bare, "signature base64");
    }
}

static void test_other_key(void **state) {
    (void)state;
    refused(forge_n(GOOD_HEADER, strlen(GOOD_HEADER), GOOD_PAYLOAD, strlen(GOOD_PAYLOAD), key2), "signature");
    refused(forge_n(GOOD_HEADER, strlen(GOOD_HEADER), GOOD_PAYLOAD, strlen(GOOD_PAYLOAD), ""), "signature");
    refused_header("{\"alg\":\"HS256\",\"kid\":\"other\",\"typ\":\"JWT\"}", "alg");
    refused_header("{\"alg\":\"HS512\",\"kid\":\"other\",\"typ\":\"JWT\"}", "signature length");
}

static void test_alg_swap(void **state) {
    (void)state;
    static const char *const values[] = {"\"HS384\"", "\"HS512\"", "\"RS256\"",  "\"ES256\"",
                                         "\"PS256\"", "\"hs256\"", "\"HS256 \"", "\"X\""};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        refused_header(arena_printf(&arena, "{\"alg\":%s,\"kid\":\"" KID "\",\"typ\":\"JWT\"}", values[i]), "alg");
    refused_header("{\"alg\":1,\"kid\":\"" KID "\",\"typ\":\"JWT\"}", "header members");
    refused_header("{\"alg\":null,\"kid\":\"" KID "\",\"typ\":\"JWT\"}", "header members");
    refused_header("{\"alg\":[\"HS256\"],\"kid\":\"" KID "\",\"typ\":\"JWT\"}", "header nesting");
}

/* A true HS512 MAC by the HS256 key: only the pinned algorithm stands against it. */
static void test_hs512_by_the_same_key(void **state) {
    (void)state;
    static const char header[] = "{\"alg\":\"HS512\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}";
    const char *text =
        arena_printf(&arena, "%s.%s", base64(header, strlen(header)), base64(GOOD_PAYLOAD, strlen(GOOD_PAYLOAD)));
    struct hmac_sha512_ctx ctx;
    uint8_t mac[64];
    hmac_sha512_set_key(&ctx, 32, (const uint8_t *)key1);
    hmac_sha512_update(&ctx, strlen(text), (const uint8_t *)text);
    hmac_sha512_digest(&ctx, sizeof mac, mac);
    refused(arena_printf(&arena, "%s.%s", text, base64(mac, 64)), "alg");
}

static void test_kid(void **state) {
    (void)state;
    static const char *const kids[] = {
        "k2",  "",        "../../../../dev/null", "/etc/hostname", "' or '1'='1", "k1'; drop table x--", "K1",
        "k1 ", "\\u006b2"};
    for (size_t i = 0; i < sizeof kids / sizeof *kids; i++)
        refused_header(arena_printf(&arena, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", kids[i]), "kid");
    refused_header("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "header members");
    refused_header("{\"alg\":\"HS256\",\"kid\":1,\"typ\":\"JWT\"}", "header members");
    refused_header("{\"alg\":\"HS256\",\"kid\":\"" KID "\"}", "header members");
    refused_header("{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"typ\":\"at+jwt\"}", "header typ");
    refused_header("{\"alg\":\"HS256\",\"kid\":\"k1\\u0000\",\"typ\":\"JWT\"}", "header JSON");
}

static void test_duplicate_members(void **state) {
    (void)state;
    refused_header("{\"alg\":\"HS256\",\"alg\":\"none\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}", "header JSON");
    refused_header("{\"alg\":\"none\",\"\\u0061lg\":\"HS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\"}", "header JSON");
    refused_payload("{" TIMES REST SUB "\"role\":\"SUPERVISOR\"," TAIL "}", "payload JSON");
    refused_payload("{" TIMES TIMES REST SUB TAIL "}", "payload JSON");
}

static void test_header_extras(void **state) {
    (void)state;
    static const char *const extras[] = {"\"jku\":\"https://x/k\"", "\"x5u\":\"https://x/c\"", "\"jwk\":\"x\"",
                                         "\"x5c\":\"x\"",           "\"crit\":\"exp\"",        "\"b64\":false",
                                         "\"cty\":\"JWT\"",         "\"zip\":\"DEF\"",         "\"x\":1"};
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++)
        refused_header(arena_printf(&arena, "{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\",%s}", extras[i]),
                       "header members");
    refused_header("{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\",\"jwk\":{\"kty\":\"oct\"}}",
                   "header nesting");
    refused_header("{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"typ\":\"JWT\",\"crit\":[\"exp\"]}", "header nesting");
    refused_header("[]", "header members");
    refused_header("\"x\"", "header JSON");
    refused_header("{} {}", "header JSON");
}

static void test_times(void **state) {
    (void)state;
#define WITH(times) "{" times "," REST SUB TAIL "}"
    refused_payload(WITH("\"exp\":1500,\"iat\":1000"), "expired");
    refused_payload(WITH("\"exp\":-5,\"iat\":-10"), "expired");
    refused_payload(WITH("\"exp\":\"2000\",\"iat\":1000"), "payload members");
    refused_payload(WITH("\"exp\":2000.0,\"iat\":1000"), "payload members");
    refused_payload(WITH("\"exp\":2e3,\"iat\":1000"), "payload members");
    refused_payload(WITH("\"exp\":true,\"iat\":1000"), "payload members");
    refused_payload(WITH("\"exp\":null,\"iat\":1000"), "payload members");
    refused_payload(WITH("\"iat\":1000"), "payload members");
    refused_payload(WITH("\"exp\":2000"), "payload members");
    refused_payload(WITH("\"exp\":9223372036854775807,\"iat\":1000"), "life");
    refused_payload(WITH("\"exp\":9223372036854775807,\"iat\":-9223372036854775808"), "exp");
    refused_payload(WITH("\"exp\":9223372036854775808,\"iat\":1000"), "signature"); /* libjwt cannot read it either */
    refused_payload(WITH("\"exp\":1e400,\"iat\":1000"), "signature");
    refused_payload(WITH("\"exp\":2000,\"iat\":1531"), "not yet valid");
    refused_payload(WITH("\"exp\":2000,\"iat\":1000,\"nbf\":1531"), "not yet valid");
    refused_payload(WITH("\"exp\":2000,\"iat\":1000,\"nbf\":\"1\""), "payload members");
    refused_payload(WITH("\"exp\":1520,\"iat\":1525"), "exp");
#undef WITH
}

static void test_sub(void **state) {
    (void)state;
    static const char *const bad[] = {"c" UUID, "+" UUID, UUID, "", "+"};
    static const char *const uuids[] = {"c+",
                                        "c+" UUID "0",
                                        "c+7c9e6679-7425-40de-944b-e07fc1f90ae",
                                        "c+7C9E6679-7425-40DE-944B-E07FC1F90AE7",
                                        "c+7c9e6679x7425-40de-944b-e07fc1f90ae7",
                                        "c+{7c9e6679-7425-40de-944b-e07fc1f90ae7}",
                                        "c+" UUID "+",
                                        "c+' or 1=1 --"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refusal(forge(GOOD_HEADER, arena_printf(&arena, "{" TIMES REST "\"sub\":\"%s\"," TAIL "}", bad[i])),
                TOKEN_ACCESS);
    for (size_t i = 0; i < sizeof uuids / sizeof *uuids; i++)
        refused_payload(arena_printf(&arena, "{" TIMES REST "\"sub\":\"%s\"," TAIL "}", uuids[i]), "session uuid");
    refused_payload("{" TIMES REST "\"sub\":7," TAIL "}", "payload members");
    refused_payload("{" TIMES REST TAIL "}", "payload members");
    refused_payload("{" TIMES REST "\"sub\":\"a\\nb+" UUID "\"," TAIL "}", "client id");
}

static void test_other_claims(void **state) {
    (void)state;
    refused_payload("{" TIMES "\"iss\":\"mdr-gateway2\",\"jti\":\"j\",\"role\":\"OFFICER\"," SUB TAIL "}", "iss");
    refused_payload("{" TIMES "\"jti\":\"j\",\"role\":\"OFFICER\"," SUB TAIL "}", "payload members");
    refused_payload("{" TIMES "\"iss\":\"mdr-gateway\",\"role\":\"OFFICER\"," SUB TAIL "}", "payload members");
    refused_payload("{" TIMES "\"iss\":\"mdr-gateway\",\"jti\":\"\",\"role\":\"OFFICER\"," SUB TAIL "}", "jti");
    refused_payload("{" TIMES "\"iss\":\"mdr-gateway\",\"jti\":1,\"role\":\"OFFICER\"," SUB TAIL "}",
                    "payload members");
    refused_payload("{" TIMES "\"iss\":\"mdr-gateway\",\"jti\":\"j\"," SUB TAIL "}", "payload members");
    refused_payload("{" TIMES "\"iss\":\"mdr-gateway\",\"jti\":\"j\",\"role\":[\"OFFICER\"]," SUB TAIL "}",
                    "payload members");
    refused_payload("{" TIMES REST SUB "\"typ\":\"access\"}", "payload members");
    refused_payload("{" TIMES REST SUB "\"tenants\":null,\"typ\":\"access\"}", "tenants");
    refused_payload("{" TIMES REST SUB "\"tenants\":\"t\",\"typ\":\"access\"}", "tenants");
    refused_payload("{" TIMES REST SUB "\"tenants\":{},\"typ\":\"access\"}", "tenants");
    refused_payload("{" TIMES REST SUB "\"tenants\":[1],\"typ\":\"access\"}", "tenants");
    refused_payload("{" TIMES REST SUB "\"tenants\":[\"\"],\"typ\":\"access\"}", "tenants");
    refused_payload("{" TIMES REST SUB TAIL ",\"admin\":true}", "payload members");
    refused_payload("[]", "payload members");
    refused_payload("7", "signature");
}

static void test_use_swap(void **state) {
    (void)state;
    char *access, *refresh;
    struct token_claims c = *good_claims();
    assert_int_equal(token_sign(&c, &arena, &access), OK);
    c.use = TOKEN_REFRESH;
    assert_int_equal(token_sign(&c, &arena, &refresh), OK);
    assert_string_equal(refusal(access, TOKEN_REFRESH), "use");
    assert_string_equal(refusal(refresh, TOKEN_ACCESS), "use");
    refused_payload("{" TIMES REST SUB "\"tenants\":[],\"typ\":\"download\"}", "typ");
    refused_payload("{" TIMES REST SUB "\"tenants\":[],\"typ\":\"Access\"}", "typ");
    refused_payload("{" TIMES REST SUB "\"tenants\":[],\"typ\":[\"access\",\"refresh\"]}", "payload members");
}

static void test_signature_length(void **state) {
    (void)state;
    const char *good = forge(GOOD_HEADER, GOOD_PAYLOAD);
    size_t len = strlen(good), signature = (size_t)(strrchr(good, '.') + 1 - good);
    for (size_t cut = signature; cut < len; cut++) refusal(arena_strndup(&arena, good, cut), TOKEN_ACCESS);
    refused(arena_printf(&arena, "%sAAAA", good), "signature length");
    refused(arena_printf(&arena, "%.*s%s", (int)signature, good, base64(key1, 31)), "signature length");
    refused(arena_printf(&arena, "%.*s%s", (int)signature, good, base64("0123456789abcdef0123456789abcdefx", 33)),
            "signature length");
    refused(arena_printf(&arena, "%.*s%s", (int)signature, good,
                         base64("0123456789abcdef0123456789abcdef0123456789abcdef", 48)),
            "signature length");
}

static void test_spelling(void **state) {
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *good = forge(GOOD_HEADER, GOOD_PAYLOAD);
    size_t last = strlen(good) - 1;
    static const char *const tails[] = {"=", "==", " ", "\n", "\r\n", "\t", "A", "!", "%00", ".", "~"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        refusal(arena_printf(&arena, "%s%s", good, tails[i]), TOKEN_ACCESS);
    refusal(arena_printf(&arena, " %s", good), TOKEN_ACCESS);
    refusal(arena_printf(&arena, "Bearer %s", good), TOKEN_ACCESS);
    for (size_t i = 0; i < 64; i++) {
        char *twin = arena_strdup(&arena, good);
        twin[last] = alphabet[i];
        if (alphabet[i] != good[last]) refusal(twin, TOKEN_ACCESS);
    }
    refused("e30+.e30.e30", "header base64");
    refused("e30.e3/0.e30", "payload base64");
    refused("e30=.e30.e30", "header base64");
}

static void test_parts_and_size(void **state) {
    (void)state;
    const char *good = forge(GOOD_HEADER, GOOD_PAYLOAD);
    refused("", "length");
    refused("x", "parts");
    refused("..", "header base64");
    refused("a.b", "parts");
    refused("e30.e30.e30.e30", "parts");
    refused("e30.e30.e30.e30.e30", "parts");
    refused(arena_printf(&arena, "%s.", good), "parts");
    char *big = arena_alloc(&arena, (1 << 20) + 1);
    memset(big, 'A', 1 << 20);
    refused(big, "length");
    memcpy(big, good, strlen(good));
    refused(big, "length");
    memset(big, '.', 1 << 20);
    refused(big, "length");
    big[TOKEN_BYTES_MAX] = 0;
    refused(big, "parts");
}

static void *nesting_bombs(void *unused) {
    char bomb[3000];
    (void)unused;
    memset(bomb, '[', sizeof bomb);
    refused(forge_n(bomb, 250, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD), key1), "header nesting");
    refused(forge_n(bomb, 257, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD), key1), "header base64");
    refused(forge_n(GOOD_HEADER, strlen(GOOD_HEADER), bomb, 2900, key2), "payload nesting");
    for (size_t i = 0; i + 5 < sizeof bomb; i += 5) memcpy(bomb + i, "{\"a\":", 5);
    refused(forge_n(GOOD_HEADER, strlen(GOOD_HEADER), bomb, 2900, key2), "payload nesting");
    memcpy(bomb, "\"\\\"\",", 5);
    memset(bomb + 5, '[', sizeof bomb - 5);
    refused(forge_n(GOOD_HEADER, strlen(GOOD_HEADER), bomb, 2900, key2), "payload nesting");
    return NULL;
}

static void test_nesting_on_a_small_stack(void **state) {
    (void)state;
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    assert_int_equal(pthread_attr_setstacksize(&attr, 256 << 10), 0);
    assert_int_equal(pthread_create(&thread, &attr, nesting_bombs, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    refused_payload("{" TIMES REST SUB "\"tenants\":[[]],\"typ\":\"access\"}", "payload nesting");
}

static void test_nul_and_utf8(void **state) {
    (void)state;
    static const char nul_header[] = GOOD_HEADER "\0x", nul_payload[] = GOOD_PAYLOAD "\0{}";
    refused(forge_n(nul_header, sizeof nul_header - 1, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD), key1), "header JSON");
    refused(forge_n(GOOD_HEADER, strlen(GOOD_HEADER), nul_payload, sizeof nul_payload - 1, key1), "payload JSON");
    refusal(forge(GOOD_HEADER, "{" TIMES REST "\"sub\":\"c\\u0000+" UUID "\"," TAIL "}"), TOKEN_ACCESS);
    refusal(forge(GOOD_HEADER, "{" TIMES REST "\"sub\":\"c\xff+" UUID "\"," TAIL "}"), TOKEN_ACCESS);
    refusal(forge(GOOD_HEADER, "{" TIMES REST "\"sub\":\"c\\ud800+" UUID "\"," TAIL "}"), TOKEN_ACCESS);
    refusal(forge(GOOD_HEADER, "{" TIMES REST "\"sub\":\"c\xc0\xaf+" UUID "\"," TAIL "}"), TOKEN_ACCESS);
    refused_header("{\"alg\":\"HS256\",\"kid\":\"\xff\",\"typ\":\"JWT\"}", "header JSON");
}

static void test_each_byte_changed(void **state) {
    (void)state;
    static const unsigned char flips[] = {1, 2, 4, 8, 16, 32, 64, 128, 3, 255};
    struct token_claims c;
    char *token;
    assert_int_equal(token_sign(good_claims(), &arena, &token), OK);
    for (size_t i = 0; i < strlen(token); i++) {
        char kept = token[i];
        for (size_t f = 0; f < sizeof flips; f++) {
            token[i] = (char)(kept ^ flips[f]);
            assert_int_equal(token_verify(token, TOKEN_ACCESS, NOW, &arena, &c, NULL), ERR_TOKEN);
        }
        token[i] = kept;
    }
    assert_int_equal(token_verify(token, TOKEN_ACCESS, NOW, &arena, &c, NULL), OK);
}

/* Their headers lack typ and their payloads are no tokens of ours, so valid ones are refused too; the point is that all
 * their ways of being malformed are refused without harm, and that a forged one never gets as far as its payload. */
static size_t run_group(json_t *group) {
    size_t i, n = 0;
    json_t *test, *key = json_object_get(group, "private");
    const char *k = json_string_value(json_object_get(key, "k")), *kid = json_string_value(json_object_get(key, "kid"));
    if (k && kid) load_key_json(kid, k);
    json_array_foreach(json_object_get(group, "tests"), i, test) {
        const char *jws = json_string_value(json_object_get(test, "jws"));
        if (!jws) continue;
        const char *why = refusal(jws, TOKEN_ACCESS);
        assert_string_not_equal(why, "payload JSON");
        assert_string_not_equal(why, "payload members");
        n++;
    }
    return n;
}

static void test_wycheproof(void **state) {
    (void)state;
    static const char *const places[] = {"../shared/data/wycheproof-jws.json", "../../shared/data/wycheproof-jws.json"};
    json_auto_t *root = NULL;
    json_t *group;
    size_t i, n = 0;
    for (i = 0; i < 2 && !root; i++) root = json_load_file(places[i], 0, NULL);
    if (!root) {
        print_message("wycheproof-jws.json is not there: skipped\n");
        skip();
    }
    json_array_foreach(json_object_get(root, "testGroups"), i, group) n += run_group(group);
    print_message("%zu vectors, all refused\n", n);
    assert_true(n > 300);
}

static double us_each(const struct timespec *from, int n) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return ((double)(t.tv_sec - from->tv_sec) * 1e9 + (double)(t.tv_nsec - from->tv_nsec)) / 1000 / n;
}

static void test_speed(void **state) {
    (void)state;
    enum { TIMES_RUN = 5000 };
    struct timespec from;
    struct token_claims c;
    char *token;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < TIMES_RUN; i++) assert_int_equal(token_sign(good_claims(), &arena, &token), OK);
    double sign_us = us_each(&from, TIMES_RUN);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < TIMES_RUN; i++) assert_int_equal(token_verify(token, TOKEN_ACCESS, NOW, &arena, &c, NULL), OK);
    print_message("sign %.1f us, verify %.1f us\n", sign_us, us_each(&from, TIMES_RUN));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_alg_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alg_swap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hs512_by_the_same_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_duplicate_members, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_extras, setup, teardown),
        cmocka_unit_test_setup_teardown(test_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sub, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_claims, setup, teardown),
        cmocka_unit_test_setup_teardown(test_use_swap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signature_length, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spelling, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parts_and_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nesting_on_a_small_stack, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nul_and_utf8, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_byte_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wycheproof, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_claims_same_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forger_makes_good_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sign_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_tenants, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_speed, setup, teardown),
    };
    if (!mkdtemp(folder)) return 1;
    snprintf(key_path, sizeof key_path, "%s/keys.json", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(key_path);
    rmdir(folder);
    return failed;
}
