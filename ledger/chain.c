#include "ledger/chain.h"

#include <nettle/sha2.h>
#include <sodium.h>

void chain_add(struct chain *c, const struct chain_field fields[CHAIN_FIELDS]) {
    struct sha256_ctx state;
    sha256_init(&state);
    if (c->rows) sha256_update(&state, sizeof c->hash, c->hash);
    for (int i = 0; i < CHAIN_FIELDS; i++) {
        if (i) sha256_update(&state, 1, (const uint8_t *)"\x1f");
        sha256_update(&state, fields[i].len, (const uint8_t *)fields[i].text);
    }
    sha256_digest(&state, sizeof c->hash, c->hash);
    c->rows++;
}

void chain_hex(const struct chain *c, char out[CHAIN_HEX_BYTES]) {
    sodium_bin2hex(out, CHAIN_HEX_BYTES, c->hash, sizeof c->hash);
}
