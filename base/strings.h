/* A list of strings as requests carry it; n == 0 means absent or empty (contract A1: an empty array = no filter). */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

struct strings {
    size_t n;
    const char **v;
};

bool strings_have(const struct strings *list, const char *s);

/* An empty list with room for so many: add by v[n++] = s. */
struct strings strings_new(struct arena *arena, size_t room);

/* The same texts in their order, doubles left out. The texts are borrowed. */
struct strings strings_unique(struct arena *arena, const struct strings *list);

/* The parts between separators, in the arena; empty parts are left out, so "" has none. */
struct strings strings_split(struct arena *arena, const char *joined, char separator);

/* Appends a JSON array, with a comma before it where one is due. */
void json_strings(struct buf *b, const struct strings *list);

/* A decimal number: digits only, no sign, no blank, at most max. False leaves *out alone. */
bool parse_uint(const char *text, unsigned long long max, unsigned long long *out);

#endif
