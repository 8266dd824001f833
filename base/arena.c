#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 8192, BLOCKS_LEAST = 32 }; /* an arena with a low ceiling has small blocks */

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a, size_t ceiling_bytes) { *a = (struct arena){.ceiling_bytes = ceiling_bytes}; }

void arena_free(struct arena *a) {
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
    a->used_bytes = 0;
}

static void out_of_memory(const struct arena *a, size_t bytes) {
    fprintf(stderr, "fatal: arena: %zu bytes more than %zu of %zu in use\n", bytes, a->used_bytes, a->ceiling_bytes);
    abort();
}

static void add_block(struct arena *a, size_t bytes) {
    size_t share = a->ceiling_bytes / BLOCKS_LEAST, block_bytes = share < BLOCK_BYTES ? share : BLOCK_BYTES;
    size_t size = bytes > block_bytes ? bytes : block_bytes;
    struct arena_block *block = NULL;
    if (a->used_bytes + size <= a->ceiling_bytes) block = calloc(1, sizeof *block + size);
    if (!block) {
        out_of_memory(a, bytes);
        return;
    }
    block->size = size;
    block->next = a->blocks;
    a->blocks = block;
    a->used_bytes += size;
}

void *arena_alloc(struct arena *a, size_t bytes) {
    size_t rounded = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (rounded < bytes) out_of_memory(a, bytes);
    if (!a->blocks || a->blocks->size - a->blocks->used < rounded) add_block(a, rounded);
    void *p = a->blocks->data + a->blocks->used;
    a->blocks->used += rounded;
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len) {
    char *copy = arena_alloc(a, len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s) { return arena_strndup(a, s, strlen(s)); }

char *arena_vprintf(struct arena *a, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = arena_alloc(a, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, args);
    return text;
}

char *arena_printf(struct arena *a, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(a, format, args);
    va_end(args);
    return text;
}
