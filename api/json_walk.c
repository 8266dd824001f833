#include "api/json_walk.h"

#include <stdlib.h>
#include <string.h>

bool slice_is(struct slice s, const char *text) { return s.len == strlen(text) && !memcmp(s.data, text, s.len); }

const char *json_skip_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : end;
}

const char *json_skip_value(const char *at, const char *end) {
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = json_skip_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[') depth++;
        if ((*at == '}' || *at == ']') && depth-- == 0) return at;
        if (depth == 0 && (*at == ',' || (*at == MARK && at[1] == 'x'))) return at;
        if (*at == MARK) at = memchr(at, MARK_END, (size_t)(end - at));
        at++;
    }
    return end;
}

const char *json_next_member(const char *at, const char *end, struct slice *key, struct slice *value) {
    while (at < end && *at != '"' && *at != '}') at++;
    if (at >= end || *at == '}') return NULL;
    const char *key_end = json_skip_string(at, end);
    *key = (struct slice){at + 1, (size_t)(key_end - at - 2)};
    const char *value_start = key_end + 1;
    while (value_start < end && *value_start == ' ') value_start++;
    const char *value_end = json_skip_value(value_start, end);
    *value = (struct slice){value_start, (size_t)(value_end - value_start)};
    return value_end;
}

static void add_utf8(struct buf *out, unsigned c) {
    if (c < 0x80) {
        buf_addc(out, (char)c);
    } else if (c < 0x800) {
        buf_add(out, (char[]){(char)(0xC0 | c >> 6), (char)(0x80 | (c & 63))}, 2);
    } else {
        buf_add(out, (char[]){(char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))}, 3);
    }
}

/* PostgreSQL and base/buf.c escape control characters, quotes and backslashes and nothing else: no surrogates here. */
void json_unescape(struct buf *out, struct slice quoted) {
    static const char letters[] = "bfnrt", plain[] = "\b\f\n\r\t";
    for (const char *at = quoted.data + 1, *end = quoted.data + quoted.len - 1; at < end; at++) {
        if (*at != '\\') {
            buf_addc(out, *at);
            continue;
        }
        at++;
        const char *letter = strchr(letters, *at);
        if (*at == 'u') {
            add_utf8(out, (unsigned)strtoul((char[]){at[1], at[2], at[3], at[4], 0}, NULL, 16));
            at += 4;
        } else {
            buf_addc(out, letter ? plain[letter - letters] : *at);
        }
    }
}
