#include "incidents/mitre.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Length of an id such as ta0005, t1059 or t1059.001 at the start; 0 = none. */
static size_t id_length(const char *s) {
    size_t n = 0;
    if (tolower((unsigned char)s[n++]) != 't') return 0;
    if (tolower((unsigned char)s[n]) == 'a') n++;
    size_t digits = strspn(s + n, "0123456789");
    if (digits != 4) return 0;
    n += digits;
    if (s[n] == '.' && strspn(s + n + 1, "0123456789") == 3) n += 4;
    return n;
}

static const char *fold(struct arena *a, const char *s, size_t len) {
    while (len && s[len - 1] == ' ') len--;
    char *copy = arena_strndup(a, s, len);
    for (char *c = copy; *c; c++)
        if (isupper((unsigned char)*c)) *c = (char)tolower((unsigned char)*c);
    return copy;
}

int mitre_keys(struct arena *a, const char *text, const char *keys[2]) {
    int n = 0;
    text += strspn(text, " ");
    size_t id = id_length(text);
    const char *after = text + id + strspn(text + id, " ");
    bool has_id = id && (!*after || *after == ':');
    if (has_id) {
        keys[n++] = fold(a, text, id);
        text = *after ? after + 1 : after;
        text += strspn(text, " ");
    }
    if (*text) keys[n++] = fold(a, text, strlen(text));
    return n;
}

struct strings mitre_keys_of(struct arena *a, const struct strings *names) {
    struct strings keys = strings_new(a, 2 * names->n);
    for (size_t i = 0; i < names->n; i++) keys.n += (size_t)mitre_keys(a, names->v[i], keys.v + keys.n);
    return keys;
}
