#include "auth/totp.h"

#include <nettle/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void totp_new_secret(unsigned char out[TOTP_SECRET_BYTES]) { randombytes_buf(out, TOTP_SECRET_BYTES); }

uint32_t totp_code(const unsigned char *secret, size_t len, int64_t step) {
    struct hmac_sha1_ctx ctx;
    uint8_t counter[8], mac[SHA1_DIGEST_SIZE];
    for (int i = 0; i < 8; i++) counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    hmac_sha1_set_key(&ctx, len, secret);
    hmac_sha1_update(&ctx, sizeof counter, counter);
    hmac_sha1_digest(&ctx, sizeof mac, mac);
    const uint8_t *at = mac + (mac[SHA1_DIGEST_SIZE - 1] & 0xf);
    uint32_t number = (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    sodium_memzero(&ctx, sizeof ctx);
    return number % 1000000;
}

bool totp_check(const unsigned char *secret, size_t len, const char *code, int64_t now_s, int64_t *step) {
    bool found = false;
    if (strnlen(code, 7) != 6 || strspn(code, "0123456789") != 6) return false;
    int64_t now_step = now_s / TOTP_STEP_S;
    for (int64_t s = now_step - TOTP_WINDOW; s <= now_step + TOTP_WINDOW; s++) {
        char right[11];
        if (s < 0) continue;
        snprintf(right, sizeof right, "%06u", totp_code(secret, len, s));
        if (sodium_memcmp(right, code, 6)) continue;
        found = true;
        *step = s;
    }
    return found;
}

char *totp_base32(const unsigned char *bytes, size_t len, struct arena *arena) {
    char *text = arena_alloc(arena, (len * 8 + 4) / 5 + 1), *at = text;
    uint32_t held = 0;
    int bits = 0;
    for (size_t i = 0; i < len; i++) {
        held = (held << 8 | bytes[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5) *at++ = alphabet[held >> (bits - 5) & 31];
    }
    if (bits) *at++ = alphabet[held << (5 - bits) & 31];
    return text;
}

static char *percent(const char *text, struct arena *arena) {
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~",
                      hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(arena, strlen(text) * 3 + 1), *at = out;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr(kept, c)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = hex[c >> 4];
        *at++ = hex[c & 15];
    }
    return out;
}

char *totp_uri(const char *issuer, const char *account, const unsigned char *secret, size_t len, struct arena *arena) {
    const char *who = percent(issuer, arena);
    return arena_printf(arena, "otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=6&period=%d", who,
                        percent(account, arena), totp_base32(secret, len, arena), who, TOTP_STEP_S);
}
