#include "demo/copy.h"

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
    for (const char *end = s + len; s < end; s++) {
        size_t plain = strcspn(s, "\\\n\r\t");
        if (plain > (size_t)(end - s)) plain = (size_t)(end - s);
        buf_add(b, s, plain);
        s += plain;
        if (s < end) escape(b, *s);
    }
}

void copy_textn(struct buf *b, const char *s, size_t len) {
    add(b, s, len);
    buf_addc(b, '\t');
}

void copy_text(struct buf *b, const char *s) { copy_textn(b, s, strlen(s)); }

void copy_int(struct buf *b, int64_t value) {
    buf_addi(b, value);
    buf_addc(b, '\t');
}

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
