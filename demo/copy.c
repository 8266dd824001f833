#include "demo/copy.h"

#include <stdlib.h>
#include <string.h>

static void escape(struct buf *b, char c) {
    switch (c) {
    case '\\': buf_add(b, "\\\\", 2); return;
    case '\n': buf_add(b, "\\n", 2); return;
    case '\r': buf_add(b, "\\r", 2); return;
    case '\t': buf_add(b, "\\t", 2); return;
    default: buf_addc(b, c);
    }
}

static void add(struct buf *b, const char *s, size_t len) {
    while (len) {
        size_t plain = 0;
        while (plain < len && s[plain] != '\\' && s[plain] != '\n' && s[plain] != '\r' && s[plain] != '\t') plain++;
        buf_add(b, s, plain);
        if (plain == len) return;
        escape(b, s[plain]);
        s += plain + 1;
        len -= plain + 1;
    }
}

void copy_textn(struct buf *b, const char *s, size_t len) {
    add(b, s, len);
    buf_addc(b, '\t');
}

void copy_text(struct buf *b, const char *s) { copy_textn(b, s, strlen(s)); }

void copy_int(struct buf *b, int64_t value) { buf_addf(b, "%lld\t", (long long)value); }

void copy_bool(struct buf *b, bool value) { buf_adds(b, value ? "t\t" : "f\t"); }

/* An array's own escapes are escaped again for COPY. */
static void add_element(struct buf *b, const char *value) {
    buf_addc(b, '"');
    for (; *value; value++) {
        if (*value == '"' || *value == '\\') buf_add(b, "\\\\", 2);
        escape(b, *value);
    }
    buf_addc(b, '"');
}

void copy_array(struct buf *b, const char *const *values, size_t n) {
    buf_addc(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_addc(b, ',');
        add_element(b, values[i]);
    }
    buf_adds(b, "}\t");
}

void copy_bytes(struct buf *b, const void *data, size_t len) {
    static const char hex[] = "0123456789abcdef";
    buf_adds(b, "\\\\x");
    for (const unsigned char *p = data, *end = p + len; p < end; p++) {
        buf_addc(b, hex[*p >> 4]);
        buf_addc(b, hex[*p & 15]);
    }
    buf_addc(b, '\t');
}

void copy_end(struct buf *b) {
    if (b->failed || !b->len) return;
    b->data[b->len - 1] = '\n';
}

/* ---- order ---- */

struct line {
    const char *text;
    size_t len;
};

static int compare(const void *a, const void *b) {
    const struct line *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* lines == NULL: only counts. */
static size_t split(const char *text, size_t len, struct line *lines) {
    size_t n = 0;
    for (const char *at = text, *end = text + len; at < end; n++) {
        const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
        if (lines) lines[n] = (struct line){at, (size_t)(next - at)};
        at = next;
    }
    return n;
}

void copy_sort(struct buf *b) {
    if (!b->len) return;
    size_t n = split(b->data, b->len, NULL);
    struct line *lines = malloc(n * sizeof *lines);
    char *sorted = malloc(b->len), *to = sorted;
    if (lines && sorted) {
        split(b->data, b->len, lines);
        qsort(lines, n, sizeof *lines, compare);
        for (size_t i = 0; i < n; to += lines[i++].len) memcpy(to, lines[i].text, lines[i].len);
        memcpy(b->data, sorted, b->len);
    }
    free(lines);
    free(sorted);
}
