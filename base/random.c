#include "base/random.h"

#include <sodium.h>
#include <stdio.h>

enum err random_start(void) { return sodium_init() < 0 ? ERR_INTERNAL : OK; }

void random_bytes(void *out, size_t bytes) { randombytes_buf(out, bytes); }

void random_id20(char out[ID20_BYTES]) {
    unsigned char raw[15];
    random_bytes(raw, sizeof raw);
    sodium_bin2base64(out, ID20_BYTES, raw, sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void random_uuid(char out[UUID_BYTES]) {
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, UUID_BYTES, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
             b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
