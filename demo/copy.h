/* Rows in COPY's text format: fields are added one by one, each row is closed. Source: PostgreSQL manual, COPY. */
#ifndef DEMO_COPY_H
#define DEMO_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

void copy_text(struct buf *b, const char *s);
void copy_textn(struct buf *b, const char *s, size_t len);
void copy_int(struct buf *b, int64_t value);
void copy_bool(struct buf *b, bool value);
void copy_array(struct buf *b, const char *const *values, size_t n); /* text[] */
void copy_bytes(struct buf *b, const void *data, size_t len);        /* bytea */
void copy_end(struct buf *b);                                        /* of the row */

#endif
