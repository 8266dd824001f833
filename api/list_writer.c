#include "api/list_writer.h"

#include <stdlib.h>
#include <string.h>

#include "api/json_walk.h"

enum { ITEM_BYTES_MAX = 64 * 1024 * 1024, COLUMNS_MAX = 64, QUALITY_ONE = 1000 };

static const struct {
    const char *range; /* media type */
    const char *content_type;
} formats[] = {
    [LIST_JSON] = {"application/json", "application/json; charset=utf-8"},
    [LIST_NDJSON] = {"application/x-ndjson", "application/x-ndjson; charset=utf-8"},
    [LIST_CSV] = {"text/csv", "text/csv; charset=utf-8; header=present"},
};
enum { FORMATS_N = sizeof formats / sizeof *formats };

/* ---- Accept ---- */

static struct slice trim(const char *from, const char *to) {
    while (from < to && (*from == ' ' || *from == '\t')) from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
    return (struct slice){from, (size_t)(to - from)};
}

static bool same(struct slice s, const char *text) {
    return s.len == strlen(text) && !strncasecmp(s.data, text, s.len);
}

/* How exactly a media range names a type: 3 itself, 2 by its first half and a star, 1 by two stars, 0 not at all. */
static int exactness(struct slice range, const char *type) {
    if (same(range, type)) return 3;
    size_t slash = strcspn(type, "/");
    if (range.len == slash + 2 && !strncasecmp(range.data, type, slash + 1) && range.data[slash + 1] == '*') return 2;
    return same(range, "*/*") ? 1 : 0;
}

/* "0.5" -> 500; what is no quality counts as 1. */
static int quality_of(struct slice value) {
    if (!value.len || value.len > 5 || (*value.data != '0' && *value.data != '1')) return QUALITY_ONE;
    int quality = *value.data == '1' ? QUALITY_ONE : 0, weight = 100;
    for (size_t i = 2; i < value.len; i++, weight /= 10) {
        if (value.data[i] < '0' || value.data[i] > '9') return QUALITY_ONE;
        quality += (value.data[i] - '0') * weight;
    }
    return quality > QUALITY_ONE ? QUALITY_ONE : quality;
}

struct range {
    struct slice type;
    int quality;
    bool bom;
};

/* "text/csv; bom=true; q=0.5" */
static struct range range_of(const char *at, const char *end) {
    const char *semicolon = memchr(at, ';', (size_t)(end - at));
    struct range found = {.type = trim(at, semicolon ? semicolon : end), .quality = QUALITY_ONE};
    while (semicolon) {
        const char *from = semicolon + 1;
        semicolon = memchr(from, ';', (size_t)(end - from));
        const char *to = semicolon ? semicolon : end, *equals = memchr(from, '=', (size_t)(to - from));
        if (!equals) continue;
        struct slice name = trim(from, equals), value = trim(equals + 1, to);
        if (same(name, "q")) found.quality = quality_of(value);
        if (same(name, "bom")) found.bom = same(value, "true");
    }
    return found;
}

enum list_format list_format_of(const char *accept, bool *bom) {
    struct range best[FORMATS_N] = {0};
    int exact[FORMATS_N] = {0};
    for (const char *at = accept ? accept : ""; *at;) {
        const char *end = at + strcspn(at, ",");
        struct range range = range_of(at, end);
        for (int f = 0; f < FORMATS_N; f++) {
            int how = exactness(range.type, formats[f].range);
            if (!how || how < exact[f]) continue;
            best[f] = range;
            exact[f] = how;
        }
        at = *end ? end + 1 : end;
    }
    enum list_format chosen = LIST_JSON;
    for (int f = 1; f < FORMATS_N; f++) {
        int more = best[f].quality - best[chosen].quality;
        if (more > 0 || (more == 0 && exact[f] > exact[chosen])) chosen = (enum list_format)f;
    }
    if (!best[chosen].quality) chosen = LIST_JSON;
    *bom = chosen == LIST_CSV && best[chosen].bom;
    return chosen;
}

/* ---- cells ---- */

static bool looks_like_formula(struct slice s) {
    static const char *const wide[] = {"\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"};
    if (!s.len) return false;
    if (memchr("=+-@\t\r\n'", *s.data, 8)) return true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (s.len >= 3 && !memcmp(s.data, wide[i], 3)) return true;
    return false;
}

static void add_cell(struct buf *out, struct slice text) {
    bool guarded = looks_like_formula(text), quoted = guarded;
    for (size_t i = 0; i < text.len && !quoted; i++) quoted = strchr("\",\r\n ", text.data[i]) != NULL;
    if (quoted) buf_addc(out, '"');
    if (guarded) buf_addc(out, '\'');
    for (const char *at = text.data, *end = at + text.len; at < end;) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        const char *to = quote ? quote + 1 : end;
        buf_add(out, at, (size_t)(to - at));
        if (quote) buf_addc(out, '"');
        at = to;
    }
    if (quoted) buf_addc(out, '"');
}

static void add_value(struct buf *out, struct slice value) {
    if (!value.len || slice_is(value, "null")) return;
    if (*value.data != '"') {
        add_cell(out, value);
        return;
    }
    scope_buf struct buf text;
    buf_init(&text, ITEM_BYTES_MAX);
    json_unescape(&text, value);
    add_cell(out, (struct slice){buf_text(&text), text.len});
}

static void add_row(const struct list_writer *w, struct buf *out) {
    struct slice values[COLUMNS_MAX] = {0}, key, value;
    if (w->item.len) json_one_line(w->item.data, w->item.len);
    const char *json = buf_text(&w->item), *end = json + w->item.len;
    for (const char *at = json + 1; w->item.len && (at = json_next_member(at, end, &key, &value));)
        for (size_t i = 0; i < w->columns->n && i < COLUMNS_MAX; i++)
            if (slice_is(key, w->columns->v[i])) values[i] = value;
    for (size_t i = 0; i < w->columns->n; i++) {
        if (i) buf_addc(out, ',');
        if (i < COLUMNS_MAX) add_value(out, values[i]);
    }
    buf_adds(out, "\r\n");
    if (w->item.failed)
        buf_reserve(out, SIZE_MAX); /* fails the reply, as the item would have where it goes there at once */
}

/* ---- lists ---- */

void list_writer_init(struct list_writer *w, const struct request *r, const struct strings *columns,
                      struct reply *out) {
    *w = (struct list_writer){.columns = columns};
    w->format = list_format_of(r->accept, &w->bom);
    buf_init(&w->item, ITEM_BYTES_MAX);
    out->content_type = formats[w->format].content_type;
}

void list_writer_free(struct list_writer *w) { buf_free(&w->item); }

void list_open(const struct list_writer *w, struct buf *out) {
    if (w->format == LIST_JSON) json_open(out, '[');
    if (w->format != LIST_CSV) return;
    if (w->bom) buf_adds(out, "\uFEFF");
    for (size_t i = 0; i < w->columns->n; i++) {
        if (i) buf_addc(out, ',');
        buf_adds(out, w->columns->v[i]);
    }
    buf_adds(out, "\r\n");
}

struct buf *list_item(struct list_writer *w, struct buf *out) {
    w->item_start = out->len;
    if (w->format != LIST_CSV) return out;
    buf_reset(&w->item);
    return &w->item;
}

void list_item_end(struct list_writer *w, struct buf *out) {
    if (w->format == LIST_CSV) add_row(w, out);
    if (w->format != LIST_NDJSON || out->failed) return;
    json_one_line(out->data + w->item_start, out->len - w->item_start);
    buf_addc(out, '\n');
}

void list_close(const struct list_writer *w, struct buf *out) {
    if (w->format == LIST_JSON) json_close(out, ']');
}

/* A raw line break in JSON text stands between tokens only. */
void json_one_line(char *json, size_t len) {
    for (char *at = json, *end = json + len; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++) *at = ' ';
    for (char *at = json, *end = json + len; at < end && (at = memchr(at, '\r', (size_t)(end - at))); at++) *at = ' ';
}
