/* Rows in COPY's binary format: fields are added one by one in the order of the columns, each as wide as its column is, then the row
 * is closed. The database need not read digits nor look for escapes. Source: PostgreSQL manual, COPY, "Binary Format". */
#ifndef DEMO_COPY_H
#define DEMO_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct copy {
    struct buf rows;
    size_t row_at; /* of the row that is open */
    unsigned fields;
};
void copy_init(struct copy *c, size_t limit_bytes);
void copy_reset(struct copy *c);
void copy_free(struct copy *c);
#define scope_copy __attribute__((cleanup(copy_free)))

void copy_text(struct copy *c, const char *s); /* text, json */
void copy_textn(struct copy *c, const char *s, size_t len);
void copy_jsonb(struct copy *c, const char *json);
void copy_int(struct copy *c, int64_t value);  /* bigint */
void copy_int4(struct copy *c, int64_t value); /* integer */
void copy_bool(struct copy *c, bool value);
void copy_array(struct copy *c, const char *const *values, size_t n); /* text[] */
void copy_bytes(struct copy *c, const void *data, size_t len);        /* bytea */
void copy_end(struct copy *c);                                        /* of the row */

/* What goes before the first row and after the last. */
extern const char copy_head[19], copy_tail[2];

#endif
