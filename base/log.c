#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { VALUE_BYTES_MAX = 2048, LINE_BYTES_MAX = 64 * 1024 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static atomic_int least_level = LOG_LEVEL_INFO;
static atomic_int target_fd = -1;

void log_set_level(enum log_level least) { atomic_store(&least_level, (int)least); }

bool log_is_on(enum log_level level) { return (int)level <= atomic_load(&least_level); }

void log_to(int fd) { atomic_store(&target_fd, fd); }

bool log_parse_level(const char *name, enum log_level *out) {
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (!strcmp(name, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

struct log_field log_errno(void) {
    return log_s("error", strerrordesc_np(errno));
}

/* How many bytes the UTF-8 character at s has (RFC 3629 section 4); 0 = broken, or a control that terminals obey. */
static size_t character_bytes(const unsigned char *s, size_t left) {
    if (s[0] < 0x80) return s[0] != 0x7f;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xc2 && s[1] < 0xa0) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
    if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
    return n;
}

static void add_clean(struct buf *out, const char *text) {
    const unsigned char *s = (const unsigned char *)text;
    size_t left = strnlen(text, VALUE_BYTES_MAX + 4);
    while (left && out->len < VALUE_BYTES_MAX) {
        size_t n = character_bytes(s, left);
        if (n)
            buf_add(out, s, n);
        else
            buf_adds(out, "\xef\xbf\xbd");
        s += n ? n : 1;
        left -= n ? n : 1;
    }
    if (left) buf_adds(out, "...");
}

static void add_text(struct buf *line, const char *text) {
    if (!text) {
        buf_adds(line, "null");
        return;
    }
    scope_buf struct buf clean, quoted;
    buf_init(&clean, VALUE_BYTES_MAX + 16);
    buf_init(&quoted, LINE_BYTES_MAX);
    add_clean(&clean, text);
    json_strn(&quoted, buf_text(&clean), clean.len);
    buf_add(line, quoted.data, quoted.len);
}

static void add_value(struct buf *line, const struct log_field *f) {
    if (f->kind == LOG_TEXT)
        add_text(line, f->text);
    else if (f->kind == LOG_BOOL)
        buf_adds(line, f->number ? "true" : "false");
    else if (f->kind == LOG_NUMBER)
        buf_addf(line, "%lld", (long long)f->number);
    else if (isfinite(f->real))
        buf_addf(line, "%.6g", f->real);
    else
        buf_adds(line, "null");
}

static void format_json(struct buf *line, enum log_level level, const char *event, const struct log_field *fields) {
    char time[TIME_TEXT_BYTES];
    time_text(now_ms(), time);
    buf_addf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", time, level_names[level], event);
    for (const struct log_field *f = fields; f->key; f++) {
        buf_addf(line, ",\"%s\":", f->key);
        add_value(line, f);
    }
    buf_adds(line, "}\n");
}

static void format_human(struct buf *line, enum log_level level, const char *event, const struct log_field *fields) {
    static const char *const colours[] = {"\033[31m", "\033[33m", "\033[32m", "\033[2m"};
    char time[TIME_TEXT_BYTES];
    time_text(now_ms(), time);
    buf_addf(line, "\033[2m%.8s\033[0m %s%-5s\033[0m %s", time + 11, colours[level], level_names[level], event);
    for (const struct log_field *f = fields; f->key; f++) {
        buf_addf(line, "  \033[2m%s=\033[0m", f->key);
        add_value(line, f);
    }
    buf_adds(line, "\n");
}

static void write_line(int fd, const char *data, size_t len) {
    ssize_t n;
    do n = write(fd, data, len);
    while (n < 0 && errno == EINTR);
}

void log_event(enum log_level level, const char *event, const struct log_field *fields) {
    if (!log_is_on(level)) return;
    int saved_errno = errno;
    int fd = atomic_load(&target_fd);
    bool human = fd < 0 && isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    scope_buf struct buf line;
    buf_init(&line, LINE_BYTES_MAX);
    if (human)
        format_human(&line, level, event, fields);
    else
        format_json(&line, level, event, fields);
    write_line(fd < 0 ? STDERR_FILENO : fd, buf_text(&line), line.len);
    errno = saved_errno;
}
