/* FNV-1a, 64 bits: picks slots of tables in memory and names statements and listings. Collisions can be made on
 * purpose, so whoever looks something up by it compares the whole key, or lives with a wrong guess. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START 14695981039346656037u

static inline uint64_t hash_add(uint64_t hash, const void *data, size_t len) {
    for (const unsigned char *c = data; len--; c++) hash = (hash ^ *c) * 1099511628211u;
    return hash;
}

/* With its NUL, so that "ab" + "c" is not "a" + "bc". */
static inline uint64_t hash_add_text(uint64_t hash, const char *text) { return hash_add(hash, text, strlen(text) + 1); }

#endif
