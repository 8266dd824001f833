/* A growing byte buffer, made with the most that it may ever hold (after curl's dynbuf), and a JSON writer on it.
 * Going over the limit or out of memory sets `failed` and empties the buffer; everything after is a no-op, so callers check once. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; /* always ends with a NUL that is not counted; NULL while empty */
    size_t len, size, limit;
    bool failed;
};

#define scope_buf __attribute__((cleanup(buf_free)))

void buf_init(struct buf *b, size_t limit_bytes);
void buf_free(struct buf *b);
void buf_reset(struct buf *b);              /* empties, keeps the memory */
const char *buf_text(const struct buf *b);  /* "" while empty; borrowed */
char *buf_take(struct buf *b, size_t *len); /* yours to free(); the buffer is empty after */
size_t buf_held(void);                      /* bytes that all buffers of the process hold now */

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addi(struct buf *b, int64_t value); /* in decimal */
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *buf_reserve(struct buf *b, size_t len); /* room for len more bytes; NULL when failed; then buf_advance */
void buf_advance(struct buf *b, size_t len);

/* JSON. A writer adds commas by itself: it looks at the last byte written. */
void json_open(struct buf *b, char bracket);   /* '{' or '[' , preceded by a comma where one is due */
void json_close(struct buf *b, char bracket);  /* '}' or ']' */
void json_key(struct buf *b, const char *key); /* "key": */
void json_str(struct buf *b, const char *s);   /* NULL = null; must be valid UTF-8 */
void json_strn(struct buf *b, const char *s, size_t len);
void json_int(struct buf *b, int64_t value);
void json_bool(struct buf *b, bool value);
void json_raw(struct buf *b, const char *json); /* text that is JSON already */
void json_kstr(struct buf *b, const char *key, const char *s);
void json_kint(struct buf *b, const char *key, int64_t value);
void json_kbool(struct buf *b, const char *key, bool value);
void json_kraw(struct buf *b, const char *key, const char *json);

#endif
