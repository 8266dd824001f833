/* Memory that lives as long as one request (or one job): allocated piece by piece, freed at once, with a ceiling.
 * A request over the ceiling is a bug or an attack: allocation then aborts the process in tests and in production,
 * because every input is bounded before (see api/json_bounds.h); the ceiling is the second wall. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena {
    struct arena_block *blocks;
    size_t used_bytes, ceiling_bytes;
};

void arena_init(struct arena *a, size_t ceiling_bytes);
void arena_free(struct arena *a);

void *arena_alloc(struct arena *a, size_t bytes); /* zeroed, aligned for any type; never NULL */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list args) __attribute__((format(printf, 2, 0), nonnull));

#endif
