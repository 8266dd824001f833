#include "base/buf.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t held;

size_t buf_held(void) { return atomic_load(&held); }

void buf_init(struct buf *b, size_t limit_bytes) { *b = (struct buf){.limit = limit_bytes}; }

void buf_free(struct buf *b) {
    free(b->data);
    atomic_fetch_sub(&held, b->size);
    *b = (struct buf){.limit = b->limit};
}

void buf_reset(struct buf *b) {
    b->len = 0;
    b->failed = false;
    if (b->data) b->data[0] = 0;
}

const char *buf_text(const struct buf *b) { return b->data ? b->data : ""; }

char *buf_take(struct buf *b, size_t *len) {
    char *data = b->data ? b->data : calloc(1, 1);
    if (len) *len = b->len;
    atomic_fetch_sub(&held, b->size);
    *b = (struct buf){.limit = b->limit};
    return data;
}

static void fail_buf(struct buf *b) {
    size_t limit = b->limit;
    buf_free(b);
    b->limit = limit;
    b->failed = true;
}

char *buf_reserve(struct buf *b, size_t len) {
    if (b->failed) return NULL;
    if (len > b->limit - b->len) {
        fail_buf(b);
        return NULL;
    }
    size_t need = b->len + len + 1;
    if (need > b->size) {
        size_t size = b->size ? b->size : 256;
        while (size < need) size *= 2;
        char *grown = realloc(b->data, size);
        if (!grown) {
            fail_buf(b);
            return NULL;
        }
        atomic_fetch_add(&held, size - b->size);
        b->data = grown;
        b->size = size;
    }
    return b->data + b->len;
}

void buf_advance(struct buf *b, size_t len) {
    if (b->failed) return;
    b->len += len;
    b->data[b->len] = 0;
}

void buf_add(struct buf *b, const void *data, size_t len) {
    char *room = buf_reserve(b, len);
    if (!room) return;
    if (len) memcpy(room, data, len);
    buf_advance(b, len);
}

void buf_adds(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }

void buf_addc(struct buf *b, char c) { buf_add(b, &c, 1); }

void buf_addi(struct buf *b, int64_t value) {
    char text[20], *end = text + sizeof text, *at = end;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) *--at = '-';
    buf_add(b, at, (size_t)(end - at));
}

/* Most fits into the room that is there. */
void buf_addf(struct buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->size ? b->size - b->len : 0;
    int len = vsnprintf(room ? b->data + b->len : NULL, room, format, args);
    if (len >= 0 && buf_reserve(b, (size_t)len)) {
        if ((size_t)len >= room) vsnprintf(b->data + b->len, (size_t)len + 1, format, again);
        buf_advance(b, (size_t)len);
    }
    va_end(again);
    va_end(args);
}

static void json_comma(struct buf *b) {
    if (!b->len) return;
    char last = b->data[b->len - 1];
    if (last != '{' && last != '[' && last != ':' && last != ',' && last != '\n') buf_addc(b, ',');
}

void json_open(struct buf *b, char bracket) {
    json_comma(b);
    buf_addc(b, bracket);
}

void json_close(struct buf *b, char bracket) { buf_addc(b, bracket); }

static void json_escape(struct buf *b, const char *s, size_t len) {
    static const char hex[] = "0123456789abcdef";
    size_t start = 0;
    buf_addc(b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        buf_add(b, s + start, i - start);
        start = i + 1;
        static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
        const char *named = c ? strchr(plain, c) : NULL;
        if (named)
            buf_add(b, (char[]){'\\', letters[named - plain]}, 2);
        else
            buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
    }
    buf_add(b, s + start, len - start);
    buf_addc(b, '"');
}

void json_strn(struct buf *b, const char *s, size_t len) {
    json_comma(b);
    json_escape(b, s, len);
}

void json_str(struct buf *b, const char *s) {
    if (s)
        json_strn(b, s, strlen(s));
    else
        json_raw(b, "null");
}

void json_key(struct buf *b, const char *key) {
    json_comma(b);
    json_escape(b, key, strlen(key));
    buf_addc(b, ':');
}

void json_int(struct buf *b, int64_t value) {
    json_comma(b);
    buf_addi(b, value);
}

void json_bool(struct buf *b, bool value) { json_raw(b, value ? "true" : "false"); }

void json_raw(struct buf *b, const char *json) {
    json_comma(b);
    buf_adds(b, json);
}

void json_kstr(struct buf *b, const char *key, const char *s) {
    json_key(b, key);
    json_str(b, s);
}

void json_kint(struct buf *b, const char *key, int64_t value) {
    json_key(b, key);
    json_int(b, value);
}

void json_kbool(struct buf *b, const char *key, bool value) {
    json_key(b, key);
    json_bool(b, value);
}

void json_kraw(struct buf *b, const char *key, const char *json) {
    json_key(b, key);
    json_raw(b, json);
}
