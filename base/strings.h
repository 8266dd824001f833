/* A list of strings as requests carry it; n == 0 means absent or empty (contract A1: an empty array = no filter). */
#ifndef BASE_STRINGS_H
#define BASE_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct strings {
    size_t n;
    const char **v;
};

bool strings_have(const struct strings *list, const char *s);

/* The parts between commas, in the arena; "" has none. */
struct strings strings_split(struct arena *arena, const char *joined);

/* "7" from "-07"? No: digits only, no sign, no blank, at most max. False leaves *out alone. */
bool parse_uint(const char *text, unsigned long long max, unsigned long long *out);

#endif
