/* One-time codes of portal users: RFC 6238, SHA-1, 6 digits, 30 s (what every authenticator app takes). */
#ifndef AUTH_TOTP_H
#define AUTH_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum {
    TOTP_SECRET_BYTES = 20, /* RFC 4226 section 4, R6 */
    TOTP_STEP_S = 30,
    TOTP_WINDOW = 1, /* steps accepted on each side of now */
};

void totp_new_secret(unsigned char out[TOTP_SECRET_BYTES]);

/* The number that the app shows for a step (unix time / TOTP_STEP_S): 0..999999. RFC 4226 5.3. */
uint32_t totp_code(const unsigned char *secret, size_t len, int64_t step);

/* Is `code` (exactly 6 ASCII digits) right now, one step before, or one after? Then *step is the step it belongs to:
 * the caller stores it and refuses the same or an earlier one, so that a code works once (RFC 6238 5.2). Constant time
 * over the window. */
bool totp_check(const unsigned char *secret, size_t len, const char *code, int64_t now_s, int64_t *step);

/* Base32 of RFC 4648, upper case, without padding. */
char *totp_base32(const unsigned char *bytes, size_t len, struct arena *arena);

/* otpauth://totp/Issuer:account?secret=...&issuer=...&algorithm=SHA1&digits=6&period=30, UTF-8 percent-encoded: for a
 * QR code. */
char *totp_uri(const char *issuer, const char *account, const unsigned char *secret, size_t len, struct arena *arena);

#endif
