#include "demo/copy.h"

#include <string.h>

enum { JSONB_VERSION = 1, TEXT_OID = 25, ARRAY_HEAD_BYTES = 20 };

/* Signature, no flags, no extension of the header. */
const char copy_head[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
const char copy_tail[2] = "\377\377";

void copy_init(struct copy *c, size_t limit_bytes) {
    *c = (struct copy){0};
    buf_init(&c->rows, limit_bytes);
}

void copy_reset(struct copy *c) {
    buf_reset(&c->rows);
    c->fields = 0;
}

void copy_free(struct copy *c) { buf_free(&c->rows); }

static void put(unsigned char *at, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--, value >>= 8) at[i] = (unsigned char)value;
}

/* Most significant byte first. */
static void add_number(struct copy *c, uint64_t value, int bytes) {
    unsigned char number[8];
    put(number, value, bytes);
    buf_add(&c->rows, number, (size_t)bytes);
}

static void open_field(struct copy *c, size_t len) {
    if (!c->fields++) {
        c->row_at = c->rows.len;
        add_number(c, 0, 2);
    }
    add_number(c, len, 4);
}

void copy_textn(struct copy *c, const char *s, size_t len) {
    open_field(c, len);
    buf_add(&c->rows, s, len);
}

void copy_text(struct copy *c, const char *s) { copy_textn(c, s, strlen(s)); }

void copy_bytes(struct copy *c, const void *data, size_t len) { copy_textn(c, data, len); }

void copy_jsonb(struct copy *c, const char *json) {
    open_field(c, strlen(json) + 1);
    add_number(c, JSONB_VERSION, 1);
    buf_adds(&c->rows, json);
}

void copy_int(struct copy *c, int64_t value) {
    open_field(c, 8);
    add_number(c, (uint64_t)value, 8);
}

void copy_int4(struct copy *c, int64_t value) {
    open_field(c, 4);
    add_number(c, (uint64_t)value, 4);
}

void copy_bool(struct copy *c, bool value) {
    open_field(c, 1);
    add_number(c, value, 1);
}

/* Dimensions, whether there are nulls, type of the elements; then elements of the one dimension and where it begins. */
void copy_array(struct copy *c, const char *const *values, size_t n) {
    size_t len = ARRAY_HEAD_BYTES;
    for (size_t i = 0; i < n; i++) len += 4 + strlen(values[i]);
    open_field(c, n ? len : 12);
    add_number(c, n > 0, 4);
    add_number(c, 0, 4);
    add_number(c, TEXT_OID, 4);
    if (!n) return;
    add_number(c, n, 4);
    add_number(c, 1, 4);
    for (size_t i = 0; i < n; i++) {
        add_number(c, strlen(values[i]), 4);
        buf_adds(&c->rows, values[i]);
    }
}

void copy_end(struct copy *c) {
    if (!c->rows.failed && c->fields) put((unsigned char *)c->rows.data + c->row_at, c->fields, 2);
    c->fields = 0;
}
