#include "rules/fold.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

/* One character of UTF-8; room for 6 bytes. */
static size_t lower(const uint8_t *at, size_t left, uint8_t *out) {
    ucs4_t c = 0;
    int n = u8_mbtoucr(&c, at, left);
    if (n <= 0) c = 0xFFFD;
    int written = u8_uctomb(out, uc_tolower(c), 6);
    return written > 0 ? (size_t)written : 0;
}

static size_t step(const uint8_t *at, size_t left) {
    int n = u8_mblen(at, left);
    return n > 0 ? (size_t)n : 1;
}

const char *rule_fold(struct arena *a, const char *text) {
    size_t len = 0, n = 0;
    uint8_t *wide = u8_normalize(UNINORM_NFKC, (const uint8_t *)text, strlen(text), NULL, &len);
    if (!wide) return arena_strdup(a, text);
    /* lower case takes at most 3 bytes for 2 (U+023A) */
    uint8_t *out = arena_alloc(a, len * 2 + 8);
    for (size_t i = 0; i < len; i += step(wide + i, len - i)) n += lower(wide + i, len - i, out + n);
    out[n] = 0;
    free(wide);
    return (const char *)out;
}

struct strings rule_fold_all(struct arena *a, const struct strings *texts) {
    struct strings out = strings_new(a, texts->n);
    for (; out.n < texts->n; out.n++) out.v[out.n] = rule_fold(a, texts->v[out.n]);
    return out;
}

static const char *next(const char *s) {
    s++;
    while (((unsigned char)*s & 0xC0) == 0x80) s++;
    return s;
}

/* After a mismatch only the last * takes one character more: what earlier ones took needs no second look. */
bool rule_glob(const char *pattern, const char *text) {
    const char *after_star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            after_star = ++pattern;
            retry = text;
        } else if (*pattern == '?') {
            pattern++;
            text = next(text);
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (after_star) {
            pattern = after_star;
            text = retry = next(retry);
        } else {
            return false;
        }
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}
