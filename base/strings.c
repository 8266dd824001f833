#include "base/strings.h"

#include <string.h>

bool strings_have(const struct strings *list, const char *s) {
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->v[i], s)) return true;
    return false;
}

struct strings strings_split(struct arena *arena, const char *joined) {
    struct strings out = {0};
    char *copy = arena_strdup(arena, joined), *save = NULL;
    out.v = arena_alloc(arena, (strlen(joined) / 2 + 1) * sizeof *out.v);
    for (char *part = strtok_r(copy, ",", &save); part; part = strtok_r(NULL, ",", &save)) out.v[out.n++] = part;
    return out;
}

bool parse_uint(const char *text, unsigned long long max, unsigned long long *out) {
    unsigned long long value = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        unsigned digit = (unsigned)(*text - '0');
        if (value > (max - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}
