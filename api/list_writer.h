/* A list on its way out in the form that the caller's Accept header asks for: a JSON array, one JSON object a line (NDJSON), or CSV.
 * Every handler renders an item as a JSON object; what becomes of it is decided here.
 *
 *     struct list_writer w;
 *     list_writer_init(&w, r, &incidents_list_columns, out);
 *     list_open(&w, &out->body);
 *     for each:   render into list_item(&w, &out->body);   list_item_end(&w, &out->body);
 *     list_close(&w, &out->body);
 *     list_writer_free(&w);
 *
 * Which form (RFC 9110, 12.5.1): the one with the highest quality; among equals the one that Accept names most exactly, then JSON,
 * NDJSON, CSV. What cannot be read or names nothing of these is answered with JSON: clients send odd Accept headers.
 *
 * CSV (RFC 4180): UTF-8, a header line, lines end with CR LF. Text stands as it is, numbers, true and false as in JSON, null is empty,
 * objects and arrays are JSON text. A cell that would begin with = + - @ (full-width ones too), TAB, CR, LF or ' gets a ' before
 * it, so that no spreadsheet takes it for a formula: who reads it by program drops one leading '. With `text/csv; bom=true` the
 * text begins with a byte order mark, without which spreadsheet programs take Japanese for another encoding. */
#ifndef API_LIST_WRITER_H
#define API_LIST_WRITER_H

#include "auth/request.h"

enum list_format { LIST_JSON, LIST_NDJSON, LIST_CSV };

struct list_writer {
    enum list_format format;
    bool bom;
    const struct strings *columns; /* of CSV, in their order; borrowed */
    struct buf item;               /* CSV: the present item as JSON */
    size_t item_start;             /* NDJSON: where it begins */
};

enum list_format list_format_of(const char *accept, bool *bom); /* accept NULL: JSON */

/* Sets the reply's content type. */
void list_writer_init(struct list_writer *w, const struct request *r, const struct strings *columns, struct reply *out);
void list_writer_free(struct list_writer *w);

void list_open(const struct list_writer *w, struct buf *out);
struct buf *list_item(struct list_writer *w, struct buf *out); /* where to render the next item, a JSON object */
void list_item_end(struct list_writer *w, struct buf *out);
void list_close(const struct list_writer *w, struct buf *out);

/* Raw line breaks of free-form JSON text become blanks: one line, the same value. */
void json_one_line(char *json, size_t len);

#endif
