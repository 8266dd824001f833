#include "auth/factor.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "auth/keys.h"
#include "auth/totp.h"
#include "base/clock.h"

enum { SEALED_BYTES = TOTP_SECRET_BYTES + KEYS_SEAL_EXTRA, PURPOSE_BYTES = 64 };

static const char *purpose_of(const char *user_id, char out[PURPOSE_BYTES]) {
    snprintf(out, PURPOSE_BYTES, "totp:%s", user_id);
    return out;
}

enum err factor_new(struct arena *arena, struct tx *tx, const char *client_id, const char *user_id, const char *email,
                    const char **uri) {
    unsigned char secret[TOTP_SECRET_BYTES], sealed[SEALED_BYTES];
    char purpose[PURPOSE_BYTES];
    totp_new_secret(secret);
    TRY(keys_seal(purpose_of(user_id, purpose), secret, sizeof secret, sealed));
    *uri = totp_uri("MDR", email, secret, sizeof secret, arena);
    sodium_memzero(secret, sizeof secret);
    return tx_run(tx, NULL,
                  "update users set totp_sealed = $3, totp_enabled = false, totp_last_step = 0"
                  " where client_id = $1 and user_id = $2",
                  "ssx", client_id, user_id, sealed, sizeof sealed);
}

static enum err open_secret(const char *user_id, const char *hex, unsigned char secret[TOTP_SECRET_BYTES]) {
    unsigned char sealed[SEALED_BYTES];
    char purpose[PURPOSE_BYTES];
    size_t len = 0;
    if (sodium_hex2bin(sealed, sizeof sealed, hex, strlen(hex), NULL, &len, NULL) || len != sizeof sealed)
        return ERR_CREDENTIALS;
    return keys_open(purpose_of(user_id, purpose), sealed, len, secret);
}

static enum err spend_step(struct tx *tx, const char *client_id, const char *user_id, int64_t step) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "update users set totp_last_step = $3 where client_id = $1 and user_id = $2 and totp_last_step < $3"
               " returning 1",
               "ssi", client_id, user_id, step));
    return rows.n ? OK : ERR_CREDENTIALS;
}

enum err factor_spend(struct tx *tx, const char *client_id, const char *user_id, const char *sealed_hex,
                      const char *code) {
    unsigned char secret[TOTP_SECRET_BYTES];
    int64_t step = 0;
    if (!code || !*sealed_hex) return ERR_CREDENTIALS;
    TRY(open_secret(user_id, sealed_hex, secret));
    bool right = totp_check(secret, sizeof secret, code, now_ms() / 1000, &step);
    sodium_memzero(secret, sizeof secret);
    return right ? spend_step(tx, client_id, user_id, step) : ERR_CREDENTIALS;
}

enum err factor_confirm(struct tx *tx, const char *client_id, const char *user_id) {
    return tx_run(tx, NULL, "update users set totp_enabled = true where client_id = $1 and user_id = $2", "ss",
                  client_id, user_id);
}

enum err factor_drop(struct tx *tx, const char *client_id, const char *user_id) {
    return tx_run(tx, NULL,
                  "update users set totp_enabled = false, totp_sealed = null where client_id = $1 and user_id = $2",
                  "ss", client_id, user_id);
}
