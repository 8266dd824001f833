#include "ledger/chain.h"

#include <sodium.h>

void chain_add(struct chain *c, const struct chain_field fields[CHAIN_FIELDS]) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    if (c->rows) crypto_hash_sha256_update(&state, c->hash, sizeof c->hash);
    for (int i = 0; i < CHAIN_FIELDS; i++) {
        if (i) crypto_hash_sha256_update(&state, (const unsigned char *)"\x1f", 1);
        crypto_hash_sha256_update(&state, (const unsigned char *)fields[i].text, fields[i].len);
    }
    crypto_hash_sha256_final(&state, c->hash);
    c->rows++;
}

void chain_hex(const struct chain *c, char out[CHAIN_HEX_BYTES]) {
    sodium_bin2hex(out, CHAIN_HEX_BYTES, c->hash, sizeof c->hash);
}
