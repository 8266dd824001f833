/* was_read of incidents and what belongs to them. Source: contract A1. */
#ifndef INCIDENTS_READING_H
#define INCIDENTS_READING_H

#include "api/project.h"
#include "auth/request.h"

/* The reader's row in the select list of a statement that joins `reads rd`: READING_COLUMNS columns. */
#define READING_SELECT                                                                                                 \
    "coalesce(rd.incident_read, false), coalesce(rd.comments_upto, 0), coalesce(rd.attachments_upto, 0),"              \
    " coalesce(rd.responses_upto, 0)"
enum { READING_COLUMNS = 4 };

struct reading reading_from(const struct request *r, const struct rows *rows, int row, int first_column);

#endif
