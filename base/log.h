/* What happened, for operators: one JSON line per event on stderr, written by one write(2), so that lines of
 * threads and processes never mix; on a terminal a coloured line for people instead.
 *
 *     LOG(WARN, "webhook_failed", log_s("webhook_id", id), log_i("status", 503));
 *     {"time":"2026-11-21T21:33:45.123Z","level":"warn","event":"webhook_failed","webhook_id":"...","status":503}
 *
 * Events are named once in snake_case; what varies goes into fields. Never log bodies, tokens, keys or passwords.
 * Any bytes are safe: control characters are escaped, broken UTF-8 becomes U+FFFD, long values are cut. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_field {
    const char *key;
    enum { LOG_TEXT, LOG_NUMBER, LOG_BOOL, LOG_REAL } kind;
    const char *text;
    int64_t number;
    double real;
};

/* Fields; keys are literals in snake_case. */
static inline struct log_field log_s(const char *key, const char *text) {
    return (struct log_field){.key = key, .kind = LOG_TEXT, .text = text}; /* NULL is written as null */
}
static inline struct log_field log_i(const char *key, int64_t number) {
    return (struct log_field){.key = key, .kind = LOG_NUMBER, .number = number};
}
static inline struct log_field log_b(const char *key, bool yes) {
    return (struct log_field){.key = key, .kind = LOG_BOOL, .number = yes};
}
static inline struct log_field log_f(const char *key, double real) {
    return (struct log_field){.key = key, .kind = LOG_REAL, .real = real};
}
/* The text of the present errno, under "error". */
struct log_field log_errno(void);

/* level: ERROR, WARN, INFO or DEBUG; then the event's name, then any number of fields. */
#define LOG(level, ...) LOG_CALL_(LOG_LEVEL_##level, __VA_ARGS__, {.key = NULL})
#define LOG_CALL_(level, event, ...) log_event(level, event, (const struct log_field[]){__VA_ARGS__})

void log_event(enum log_level level, const char *event, const struct log_field *fields /* ends with a NULL key */);

void log_set_level(enum log_level least);                    /* default: info */
bool log_parse_level(const char *name, enum log_level *out); /* "error", "warn", "info", "debug" */
bool log_is_on(enum log_level level);

/* For tests: where lines go instead of stderr (fd), always JSON; -1 = stderr again. */
void log_to(int fd);

#endif
