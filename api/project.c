#include "api/project.h"

#include <stdlib.h>
#include <string.h>

#include "reports/markdown.h"

static const char *const markdown_keys[] = {
    "description", "client_description", "recommendations", "status_description", "client_comment", "text", "caption"};

/* ---- marks ---- */

static bool was_read_at(const struct reading *r, const char *mark, size_t len, int64_t upto) {
    char *colon = NULL;
    int64_t created = strtoll(mark + 1, &colon, 10);
    size_t author_len = len - (size_t)(colon + 1 - mark);
    bool own = author_len && strlen(r->reader_id) == author_len && !memcmp(colon + 1, r->reader_id, author_len);
    return own || created <= upto;
}

static bool was_read(const struct reading *r, const char *mark, size_t len) {
    if (r->unread) return false;
    switch (*mark) {
    case 'c': return was_read_at(r, mark, len, r->comments_upto);
    case 'a': return was_read_at(r, mark, len, r->attachments_upto);
    case 'r': return was_read_at(r, mark, len, r->responses_upto);
    default: return r->incident || was_read_at(r, mark, len, -1);
    }
}

/* From the mark x to behind the closing bracket of its object. */
static const char *skip_tail(const char *at, const char *end) {
    while (at < end && *at != '}') at = json_skip_value(at + 1, end);
    return at < end ? at + 1 : end;
}

/* ---- copying ---- */

static void add_update_time(struct buf *out, const char *text, size_t len, int64_t most) {
    if (most && strtoll(text, NULL, 10) > most)
        buf_addf(out, "%lld", (long long)most);
    else
        buf_add(out, text, len);
}

static void fill_mark(struct buf *out, const char *mark, size_t len, const struct projection *p) {
    switch (*mark) {
    case 'C': project_list(out, p->comments, p); return;
    case 'A': project_list(out, p->attachments, p); return;
    case 'R': project_list(out, p->responses, p); return;
    case 'u': buf_adds(out, p->public_url); return;
    case 'x': buf_addc(out, '}'); return;
    case 't': add_update_time(out, mark + 1, len - 1, p->update_time_max); return;
    default: buf_adds(out, was_read(&p->reading, mark, len) ? "true" : "false");
    }
}

/* one: text is one object, so nothing wanted follows its mark x; finding its end is not cheap. */
static void copy_marked(struct buf *out, struct slice text, bool one, const struct projection *p) {
    const char *end = text.data + text.len;
    for (const char *at = text.data; at < end;) {
        const char *mark = memchr(at, MARK, (size_t)(end - at));
        if (!mark) {
            buf_add(out, at, (size_t)(end - at));
            return;
        }
        buf_add(out, at, (size_t)(mark - at));
        const char *mark_end = memchr(mark, MARK_END, (size_t)(end - mark));
        if (!mark_end) return;
        fill_mark(out, mark + 1, (size_t)(mark_end - mark - 1), p);
        if (one && mark[1] == 'x') return;
        at = mark[1] == 'x' ? skip_tail(mark_end, end) : mark_end + 1;
    }
}

/* ---- picking members ---- */

static bool wanted(struct slice key, const struct strings *fields) {
    if (!fields || !fields->n) return true;
    for (size_t i = 0; i < fields->n; i++)
        if (slice_is(key, fields->v[i])) return true;
    return false;
}

static bool is_markdown(struct slice key) {
    for (size_t i = 0; i < sizeof markdown_keys / sizeof *markdown_keys; i++)
        if (slice_is(key, markdown_keys[i])) return true;
    return false;
}

static void add_html(struct buf *out, struct slice quoted) {
    scope_buf struct buf markdown, html;
    buf_init(&markdown, 1024 * 1024);
    buf_init(&html, 1024 * 1024);
    json_unescape(&markdown, quoted);
    if (markdown_to_html(buf_text(&markdown), markdown.len, &html) != OK) {
        copy_marked(out, quoted, false, &(struct projection){0});
        return;
    }
    json_strn(out, buf_text(&html), html.len);
}

static void add_member(struct buf *out, struct slice key, struct slice value, const struct projection *p) {
    if (out->len && out->data[out->len - 1] != '{') buf_addc(out, ',');
    buf_addc(out, '"');
    buf_add(out, key.data, key.len);
    buf_adds(out, "\":");
    if (p->html && *value.data == '"' && is_markdown(key))
        add_html(out, value);
    else
        copy_marked(out, value, false, p);
}

static void copy_members(struct buf *out, struct slice body, const struct projection *p) {
    bool all = !p->fields || !p->fields->n;
    const char *end = body.data + body.len;
    struct slice key, value;
    buf_addc(out, '{');
    for (const char *at = body.data + 1; (at = json_next_member(at, end, &key, &value));) {
        if (wanted(key, p->fields)) add_member(out, key, value, p);
        if (all && *at == MARK) break;
    }
    buf_addc(out, '}');
}

static void comma(struct buf *out) {
    if (out->len && !strchr("[{:,\n", out->data[out->len - 1])) buf_addc(out, ',');
}

void project(struct buf *out, struct slice body, const struct projection *p) {
    comma(out);
    if (p->html || (p->fields && p->fields->n))
        copy_members(out, body, p);
    else
        copy_marked(out, body, true, p);
}

void project_list(struct buf *out, struct slice bodies, const struct projection *p) {
    if (!p->html) {
        copy_marked(out, bodies, false, p);
        return;
    }
    struct projection each = *p;
    each.fields = NULL;
    const char *end = bodies.data + bodies.len;
    for (const char *at = bodies.data; at < end;) {
        const char *object_end = json_skip_value(at, end);
        project(out, (struct slice){at, (size_t)(object_end - at)}, &each);
        at = object_end + 1;
    }
}
