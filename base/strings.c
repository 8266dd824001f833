#include "base/strings.h"

#include <string.h>

bool strings_have(const struct strings *list, const char *s) {
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->v[i], s)) return true;
    return false;
}

struct strings strings_new(struct arena *arena, size_t room) {
    return (struct strings){.v = arena_alloc(arena, (room + 1) * sizeof(char *))};
}

struct strings strings_unique(struct arena *arena, const struct strings *list) {
    struct strings out = strings_new(arena, list->n);
    for (size_t i = 0; i < list->n; i++)
        if (!strings_have(&out, list->v[i])) out.v[out.n++] = list->v[i];
    return out;
}

struct strings strings_split(struct arena *arena, const char *joined, char separator) {
    struct strings out = strings_new(arena, strlen(joined) / 2 + 1);
    char *copy = arena_strdup(arena, joined), *save = NULL;
    const char separators[] = {separator, 0};
    for (char *part = strtok_r(copy, separators, &save); part; part = strtok_r(NULL, separators, &save))
        out.v[out.n++] = part;
    return out;
}

void json_strings(struct buf *b, const struct strings *list) {
    json_open(b, '[');
    for (size_t i = 0; i < list->n; i++) json_str(b, list->v[i]);
    json_close(b, ']');
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
