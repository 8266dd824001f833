#include "chat/file_name.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <uninorm.h>
#include <unistr.h>

enum { RAW_MAX = 4096, EXTENSION_MAX = 32 };

/* ---- percent forms ---- */

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at s stands for, -1 where it is none. */
static int escaped(const char *s) {
    if (s[0] != '%' || hex(s[1]) < 0 || hex(s[2]) < 0) return -1;
    return hex(s[1]) * 16 + hex(s[2]);
}

static bool is_ascii(const char *s) {
    for (; *s; s++)
        if ((unsigned char)*s >= 0x80) return false;
    return true;
}

static void decode(const char *raw, bool all, struct buf *out) {
    for (; *raw; raw++) {
        int c = escaped(raw);
        bool take = c > 0 && (all || c == '"' || c == '\r' || c == '\n');
        buf_addc(out, take ? (char)c : *raw);
        if (take) raw += 2;
    }
}

static void unescape(const char *raw, struct buf *out) {
    if (is_ascii(raw)) decode(raw, true, out);
    const uint8_t *text = (const uint8_t *)buf_text(out);
    if (out->len && !is_ascii(buf_text(out)) && !u8_check(text, out->len)) return;
    buf_reset(out);
    decode(raw, false, out);
}

/* ---- characters ---- */

/* What could turn a shown name around or hide in it. */
static bool is_hidden(ucs4_t c) {
    static const struct {
        ucs4_t from, to;
    } hidden[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200e, 0x200f},  {0x2028, 0x202e},
                  {0x2066, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (c >= hidden[i].from && c <= hidden[i].to) return true;
    return false;
}

static void keep_harmless(const char *text, size_t len, struct buf *out) {
    const uint8_t *at = (const uint8_t *)text, *end = at + len;
    while (at < end) {
        ucs4_t c = 0;
        int n = u8_mbtoucr(&c, at, (size_t)(end - at));
        if (n < 0) {
            buf_addc(out, '_');
            n = 1;
        } else if (!is_hidden(c)) {
            buf_add(out, at, (size_t)n);
        }
        at += n;
    }
}

static const char *last_part(const char *name) {
    for (const char *at = name; *at; at++)
        if (*at == '/' || *at == '\\') name = at + 1;
    return name;
}

static struct buf normalized(const struct buf *text) {
    struct buf out;
    size_t len = 0;
    buf_init(&out, 4 * RAW_MAX);
    uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)buf_text(text), text->len, NULL, &len);
    if (nfc) buf_add(&out, nfc, len);
    free(nfc);
    return out;
}

/* ---- length ---- */

static size_t whole_characters(const char *text, size_t most) {
    while (most && ((unsigned char)text[most] & 0xc0) == 0x80) most--;
    return most;
}

static void shorten(const char *name, size_t len, char *out) {
    const char *dot = memrchr(name, '.', len);
    size_t extension = dot && dot > name ? len - (size_t)(dot - name) : 0;
    if (extension > EXTENSION_MAX) extension = 0;
    size_t stem = len - extension;
    if (len > FILE_NAME_MAX) stem = whole_characters(name, FILE_NAME_MAX - extension);
    memcpy(out, name, stem);
    memcpy(out + stem, name + len - extension, extension);
    out[stem + extension] = 0;
}

void file_name_clean(const char *raw, char out[FILE_NAME_BYTES]) {
    scope_buf struct buf plain, harmless;
    buf_init(&plain, RAW_MAX);
    buf_init(&harmless, RAW_MAX);
    unescape(raw, &plain);
    const char *part = last_part(buf_text(&plain));
    keep_harmless(part, strlen(part), &harmless);
    scope_buf struct buf name = normalized(&harmless);
    const char *start = buf_text(&name);
    start += strspn(start, " ");
    size_t len = strlen(start);
    while (len && strchr(" .", start[len - 1])) len--;
    if (!len) {
        strcpy(out, "file");
        return;
    }
    shorten(start, len, out);
}

/* ---- into a header ---- */

static void add_fallback(struct buf *out, const char *name) {
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if ((c & 0xc0) == 0x80) continue;
        buf_addc(out, c >= 0x80 || c < 0x20 || strchr("\"\\%", *name) ? '_' : *name);
    }
}

void content_disposition(struct buf *out, const char *kind, const char *name) {
    buf_addf(out, "%s; filename=\"", kind);
    add_fallback(out, name);
    buf_adds(out, "\"; filename*=UTF-8''");
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if (c < 0x80 && (isalnum(c) || strchr("!#$&+-.^_`|~", c)))
            buf_addc(out, *name);
        else
            buf_addf(out, "%%%02X", c);
    }
}
