/* From a stored body to a reply: copies the rendered text, fills in what depends on the reader, picks `fields`, turns Markdown
 * into HTML. Marks stand between the bytes 1 and 2 (migrations/004_incidents.sql):
 *   i:<reader>           was_read of an incident; a reader's own writing counts as read
 *   c|a|r<time>:<reader> was_read of a comment, attachment, response created at <time>
 *   C A R                the bodies of an incident's comments, attachments, responses
 *   t<time>              update_time of an incident
 *   u                    the public base URL
 *   x                    what follows is replied only when `fields` names it
 * Source: contract A1 (fields, markdown_to_html, was_read). */
#ifndef API_PROJECT_H
#define API_PROJECT_H

#include <stdbool.h>

#include "api/json_walk.h"
#include "base/db.h"
#include "base/strings.h"

/* Borrowed, as rows_text(). */
static inline struct slice rows_slice(const struct rows *r, int row, int col) {
    return (struct slice){rows_text(r, row, col), rows_len(r, row, col)};
}

/* How far a reader has read one incident (table reads). */
struct reading {
    const char *reader_id;
    bool unread; /* all was_read are false: create replies, history */
    bool incident;
    int64_t comments_upto, attachments_upto, responses_upto;
};

struct projection {
    const struct strings *fields; /* NULL or empty = all */
    bool html;
    const char *public_url;
    int64_t update_time_max; /* 0 = none; see base/pages.h */
    struct reading reading;
    struct slice comments, attachments, responses; /* of an incident; empty = [] */
};

/* Appends the object, with a comma before it where one is due. */
void project(struct buf *out, struct slice body, const struct projection *p);

/* Appends the objects of a comma-joined list of bodies (all of one incident). */
void project_list(struct buf *out, struct slice bodies, const struct projection *p);

#endif
