#include "base/sha256.h"

#include <sodium.h>

void sha256_hex_end(struct sha256_ctx *state, char out[SHA256_HEX_BYTES]) {
    unsigned char hash[SHA256_DIGEST_SIZE];
    sha256_digest(state, sizeof hash, hash);
    sodium_bin2hex(out, SHA256_HEX_BYTES, hash, sizeof hash);
}

void sha256_hex(const void *data, size_t len, char out[SHA256_HEX_BYTES]) {
    struct sha256_ctx state;
    sha256_init(&state);
    sha256_update(&state, len, data);
    sha256_hex_end(&state, out);
}
