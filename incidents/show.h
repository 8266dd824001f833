/* From stored rows to incidents in replies, and was_read of an incident and what belongs to it. Source: contract A1, A5. */
#ifndef INCIDENTS_SHOW_H
#define INCIDENTS_SHOW_H

#include "api/project.h"
#include "auth/request.h"

/* Appends the incident of a row whose columns 0..3 are body, comments, attachments, responses. `how` says what of it:
 * fields, html, reading, update_time_max; the rest is filled in here. */
void incident_show(struct buf *out, const struct rows *rows, int row, const struct projection *how);

/* The reader's row in the select list of a statement that left-joins `reads rd`: READING_COLUMNS columns, NULL where it
 * has none. */
#define READING_SELECT "rd.incident_read, rd.comments_upto, rd.attachments_upto, rd.responses_upto"
enum { READING_COLUMNS = 4 };

struct reading reading_from(const struct request *r, const struct rows *rows, int row, int first_column);

#endif
