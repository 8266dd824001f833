#include "notify/webhook_sign.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "whsec_"

void webhook_secret_text(const unsigned char secret[WEBHOOK_SECRET_BYTES], char out[WEBHOOK_SECRET_TEXT_BYTES]) {
    memcpy(out, PREFIX, sizeof PREFIX - 1);
    sodium_bin2base64(out + sizeof PREFIX - 1, WEBHOOK_SECRET_TEXT_BYTES - (sizeof PREFIX - 1), secret,
                      WEBHOOK_SECRET_BYTES, sodium_base64_VARIANT_ORIGINAL);
}

void webhook_signature(const unsigned char secret[WEBHOOK_SECRET_BYTES], const char *id, int64_t timestamp_s,
                       const char *body, size_t body_bytes, char out[WEBHOOK_SIGNATURE_BYTES]) {
    crypto_auth_hmacsha256_state state;
    unsigned char hash[crypto_auth_hmacsha256_BYTES];
    char head[128];
    int len = snprintf(head, sizeof head, "%s.%lld.", id, (long long)timestamp_s);
    crypto_auth_hmacsha256_init(&state, secret, WEBHOOK_SECRET_BYTES);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)head, (unsigned long long)len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, body_bytes);
    crypto_auth_hmacsha256_final(&state, hash);
    sodium_memzero(&state, sizeof state);
    memcpy(out, "v1,", 3);
    sodium_bin2base64(out + 3, WEBHOOK_SIGNATURE_BYTES - 3, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
}
