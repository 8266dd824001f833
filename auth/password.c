#include "auth/password.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <unistr.h>

#include "base/clock.h"
#include "base/gate.h"

enum { PASSES = 3, MEMORY_BYTES = 32 << 20 };

_Static_assert(PASSWORD_HASH_BYTES >= crypto_pwhash_STRBYTES, "room for a hash");

static struct gate hashing = GATE(hashing, PASSWORD_GATE);

/* --- policy --- */

/* -1 for what is not UTF-8 (RFC 3629). */
static int utf8_chars(const char *text) {
    const uint8_t *s = (const uint8_t *)text;
    size_t len = strlen(text);
    return u8_check(s, len) ? -1 : (int)u8_mbsnlen(s, len);
}

static bool is_email(const char *password, const char *email) {
    size_t local = strcspn(email, "@");
    return !strcasecmp(password, email) || (strlen(password) == local && !strncasecmp(password, email, local));
}

static bool is_one_char(const char *password) { return strspn(password, (char[]){*password, 0}) == strlen(password); }

enum err password_check(const char *password, const char *email, const char **detail) {
    *detail = NULL;
    if (strnlen(password, PASSWORD_BYTES_MAX + 1) > PASSWORD_BYTES_MAX) {
        *detail = "The password is longer than 1024 bytes";
        return ERR_INVALID;
    }
    int chars = utf8_chars(password);
    if (chars < 0)
        *detail = "The password is not valid UTF-8";
    else if (chars < PASSWORD_CHARS_MIN)
        *detail = "The password is shorter than 12 characters";
    else if (is_email(password, email))
        *detail = "The password is the e-mail address";
    else if (is_one_char(password))
        *detail = "The password is one character over and over";
    return *detail ? ERR_INVALID : OK;
}

/* --- hashing --- */

static enum err enter(void) {
    return gate_enter(&hashing, 0, monotonic_ms() + PASSWORD_WAIT_MS) ? OK : ERR_UNAVAILABLE;
}

static bool too_long(const char *password) { return strnlen(password, PASSWORD_BYTES_MAX + 1) > PASSWORD_BYTES_MAX; }

enum err password_hash(const char *password, char out[PASSWORD_HASH_BYTES]) {
    if (too_long(password)) return ERR_INVALID;
    if (sodium_init() < 0) return ERR_INTERNAL;
    TRY(enter());
    int failed =
        crypto_pwhash_str_alg(out, password, strlen(password), PASSES, MEMORY_BYTES, crypto_pwhash_ALG_ARGON2ID13);
    gate_leave(&hashing);
    return failed ? ERR_UNAVAILABLE : OK;
}

enum err password_verify(const char *hash, const char *password) {
    if (too_long(password)) return ERR_CREDENTIALS;
    if (sodium_init() < 0) return ERR_INTERNAL;
    TRY(enter());
    errno = 0;
    int failed = crypto_pwhash_str_verify(hash, password, strlen(password));
    bool no_memory = failed && errno == ENOMEM;
    gate_leave(&hashing);
    if (no_memory) return ERR_UNAVAILABLE;
    return failed ? ERR_CREDENTIALS : OK;
}

enum err password_verify_dummy(const char *password) {
    char unused[PASSWORD_HASH_BYTES];
    enum err e = password_hash(password, unused);
    return e == OK || e == ERR_INVALID ? ERR_CREDENTIALS : e;
}
