#include "api/multipart.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- header parameters ---- */

static int hex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *skip_blank(const char *s) { return s + strspn(s, " \t\r\n"); }

/* A quoted text at s. A backslash escapes quotes and backslashes only: old browsers send whole Windows paths. */
static const char *copy_quoted(const char *s, char *out, size_t size) {
    size_t n = 0;
    for (s++; *s && *s != '"'; s++) {
        if (*s == '\\' && (s[1] == '"' || s[1] == '\\')) s++;
        if (n + 1 < size) out[n++] = *s;
    }
    out[n] = 0;
    return *s ? s + 1 : s;
}

static const char *copy_token(const char *s, char *out, size_t size) {
    size_t len = strcspn(s, "; \t\r\n");
    snprintf(out, size, "%.*s", (int)len, s);
    return s + len;
}

/* Finds `; key=value`; false where it is not there. */
static bool parameter(const char *header, const char *key, char *out, size_t size) {
    char value[MULTIPART_HEAD_MAX + 1];
    const char *s = header + strcspn(header, ";");
    while (*s == ';') {
        s = skip_blank(s + 1);
        size_t len = strcspn(s, "=; \t");
        bool wanted = len == strlen(key) && !strncasecmp(s, key, len);
        s = skip_blank(s + len);
        value[0] = 0;
        if (*s == '=') {
            s = skip_blank(s + 1);
            s = *s == '"' ? copy_quoted(s, value, sizeof value) : copy_token(s, value, sizeof value);
        }
        if (wanted) {
            snprintf(out, size, "%s", value);
            return true;
        }
        s += strcspn(s, ";");
    }
    return false;
}

/* UTF-8'ja'%E8%AA%BF.pdf */
static bool decode_extended(char *text) {
    if (strncasecmp(text, "utf-8'", 6) != 0) return false;
    const char *from = strchr(text + 6, '\'');
    if (!from) return false;
    char *to = text;
    for (from++; *from; from++) {
        int high = *from == '%' ? hex(from[1]) : -1;
        int low = high >= 0 ? hex(from[2]) : -1;
        if (low < 0) {
            *to++ = *from;
            continue;
        }
        if (high * 16 + low == 0) return false;
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = 0;
    return true;
}

/* ---- the head of a part ---- */

static void read_file_name(const char *disposition, struct multipart_part *part) {
    char extended[3 * MULTIPART_TEXT_MAX];
    if (parameter(disposition, "filename*", extended, sizeof extended) && decode_extended(extended)) {
        snprintf(part->file_name, sizeof part->file_name, "%.*s", MULTIPART_TEXT_MAX - 1, extended);
        return;
    }
    parameter(disposition, "filename", part->file_name, sizeof part->file_name);
}

static void read_field(char *line, struct multipart_part *part, bool *form_data) {
    char *colon = strchr(line, ':'), name[2 * sizeof part->name];
    if (!colon) return;
    *colon = 0;
    const char *value = skip_blank(colon + 1);
    if (!strcasecmp(line, "Content-Type")) snprintf(part->media_type, sizeof part->media_type, "%.127s", value);
    if (strcasecmp(line, "Content-Disposition") != 0) return;
    *form_data = !strncasecmp(value, "form-data", 9);
    if (parameter(value, "name", name, sizeof name) && strlen(name) < sizeof part->name)
        memcpy(part->name, name, strlen(name) + 1);
    read_file_name(value, part);
}

static bool read_head(char *head, struct multipart_part *part) {
    bool form_data = false;
    for (char *line = head, *end; *line; line = end) {
        end = strstr(line, "\r\n");
        if (!end) break;
        *end = 0;
        end += 2;
        read_field(line, part, &form_data);
    }
    return form_data;
}

static void head_done(struct multipart *m) {
    struct multipart_part part = {.name = ""};
    m->state = MULTIPART_BROKEN;
    m->head[m->head_len] = 0;
    if (memchr(m->head, 0, m->head_len) || !read_head(m->head, &part) || ++m->parts > MULTIPART_PARTS_MAX) return;
    m->state = MULTIPART_DATA;
    m->on_part(m->user, &part);
}

/* The line break that ends the delimiter's line stands at the start of the head: an empty head ends at once. */
static void feed_head(struct multipart *m, char c) {
    if (m->head_len == MULTIPART_HEAD_MAX) {
        m->state = MULTIPART_BROKEN;
        return;
    }
    m->head[m->head_len++] = c;
    if (m->head_len >= 4 && !memcmp(m->head + m->head_len - 4, "\r\n\r\n", 4)) head_done(m);
}

/* ---- between the parts ---- */

static void feed_delimited(struct multipart *m, char c) {
    if (m->after_len == 0 && (c == ' ' || c == '\t')) return;
    m->after[m->after_len++] = c;
    if (m->after_len < 2) return;
    m->state = MULTIPART_BROKEN;
    if (!memcmp(m->after, "--", 2)) m->state = MULTIPART_END;
    if (memcmp(m->after, "\r\n", 2) != 0) return;
    m->state = MULTIPART_HEAD;
    memcpy(m->head, "\r\n", 2);
    m->head_len = 2;
}

static void give(struct multipart *m, const char *data, size_t len) {
    if (m->parts && len) m->on_data(m->user, data, len);
}

/* CR stands only at the start of the delimiter, so after a mismatch it can begin nowhere but at the present byte. */
static void match(struct multipart *m, char c) {
    if (c == m->delimiter[m->matched]) {
        m->matched++;
    } else {
        give(m, m->delimiter, m->matched);
        m->matched = c == '\r';
        if (c != '\r') give(m, &c, 1);
    }
    if (m->matched < m->delimiter_len) return;
    m->matched = 0;
    m->after_len = 0;
    m->state = MULTIPART_DELIMITED;
}

static size_t feed_data(struct multipart *m, const char *data, size_t len) {
    if (m->matched) {
        match(m, *data);
        return 1;
    }
    const char *cr = memchr(data, '\r', len);
    size_t plain = cr ? (size_t)(cr - data) : len;
    give(m, data, plain);
    if (cr) match(m, '\r');
    return plain + (cr != NULL);
}

void multipart_feed(struct multipart *m, const char *data, size_t len) {
    while (len) {
        size_t used = 1;
        switch (m->state) {
        case MULTIPART_DATA: used = feed_data(m, data, len); break;
        case MULTIPART_DELIMITED: feed_delimited(m, *data); break;
        case MULTIPART_HEAD: feed_head(m, *data); break;
        default: return;
        }
        data += used;
        len -= used;
    }
}

bool multipart_start(struct multipart *m, const char *content_type) {
    static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'()+_,-./:=? ";
    char boundary[2 * MULTIPART_BOUNDARY_MAX];
    memset(m, 0, sizeof *m);
    m->state = MULTIPART_BROKEN;
    if (!content_type || strncasecmp(content_type, "multipart/form-data", 19) != 0) return false;
    if (!parameter(content_type, "boundary", boundary, sizeof boundary)) return false;
    size_t len = strlen(boundary);
    if (!len || len > MULTIPART_BOUNDARY_MAX || strspn(boundary, legal) != len || boundary[len - 1] == ' ')
        return false;
    m->delimiter_len = (size_t)snprintf(m->delimiter, sizeof m->delimiter, "\r\n--%s", boundary);
    m->matched = 2; /* the first delimiter may stand at the very start, without its line break */
    m->state = MULTIPART_DATA;
    return true;
}
