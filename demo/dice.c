#include "demo/dice.h"

#include <stdio.h>

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct dice dice_of(uint64_t seed, uint64_t stream, uint64_t number) {
    return (struct dice){mix(mix(mix(seed) + stream) + number)};
}

uint64_t dice_throw(struct dice *d) { return mix(d->state += 0x9e3779b97f4a7c15u); }

uint32_t dice_below(struct dice *d, uint32_t n) { return (uint32_t)(((dice_throw(d) >> 32) * n) >> 32); }

int64_t dice_between(struct dice *d, int64_t from, int64_t to) {
    return to <= from ? from : from + (int64_t)(dice_throw(d) % (uint64_t)(to - from + 1));
}

bool dice_percent(struct dice *d, unsigned percent) { return dice_below(d, 100) < percent; }

size_t dice_weighted(struct dice *d, const uint8_t *weights, size_t n) {
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += weights[i];
    uint32_t hit = dice_below(d, sum);
    size_t i = 0;
    while (hit >= weights[i]) hit -= weights[i++];
    return i;
}

void dice_hex(struct dice *d, char *out, size_t digits) {
    uint64_t bits = 0;
    for (size_t i = 0; i < digits; i++, bits >>= 4) {
        if (i % 16 == 0) bits = dice_throw(d);
        out[i] = "0123456789abcdef"[bits & 15];
    }
    out[digits] = 0;
}

void dice_uuid(struct dice *d, char out[UUID_BYTES]) {
    char hex[33];
    dice_hex(d, hex, 32);
    hex[12] = '4';
    hex[16] = "89ab"[dice_below(d, 4)];
    snprintf(out, UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void dice_id20(struct dice *d, uint64_t number, char out[ID20_BYTES]) {
    static const char digits[] = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
    out[0] = 'A';
    out[1] = 'Y';
    for (int i = 7; i > 1; i--, number >>= 6) out[i] = digits[number & 63];
    uint64_t bits = 0;
    for (int i = 8; i < ID20_BYTES - 1; i++, bits >>= 6) {
        if (i == 8 || i == 18) bits = dice_throw(d);
        out[i] = digits[bits & 63];
    }
    out[ID20_BYTES - 1] = 0;
}
