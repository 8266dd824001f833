/* Passwords of portal users: argon2id by libsodium, at most PASSWORD_GATE at once in this process.
 * Source: security.md "Tokens", RFC 9106; the cost stands above OWASP's least (19 MiB, 2 passes). */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "base/err.h"

enum {
    PASSWORD_CHARS_MIN = 12,
    PASSWORD_BYTES_MAX = 1024,
    PASSWORD_HASH_BYTES = 128, /* with its NUL; text, begins with $argon2id$ */
    PASSWORD_GATE = 2,         /* hashes at once: bounds memory to 2 x 32 MiB */
    PASSWORD_WAIT_MS = 2000,   /* for the gate, then ERR_UNAVAILABLE */
};

/* Is this password allowed for a user of this e-mail? ERR_INVALID with a sentence for the client in *detail: under
 * PASSWORD_CHARS_MIN characters, over PASSWORD_BYTES_MAX bytes, not UTF-8, the e-mail or its part before the @
 * (letter case aside), or one character over and over. */
enum err password_check(const char *password, const char *email, const char **detail) must_check;

/* Hash to store. ERR_INVALID: over PASSWORD_BYTES_MAX. ERR_UNAVAILABLE: the gate stayed shut, or no memory. */
enum err password_hash(const char *password, char out[PASSWORD_HASH_BYTES]) must_check;

/* OK, ERR_CREDENTIALS, or ERR_UNAVAILABLE as above (says nothing about the password). */
enum err password_verify(const char *hash, const char *password) must_check;

/* For an unknown user: takes as long as password_verify; ERR_CREDENTIALS or ERR_UNAVAILABLE. */
enum err password_verify_dummy(const char *password) must_check;

#endif
