#include "incidents/show.h"

#include "base/config.h"

void incident_show(struct buf *out, const struct rows *rows, int row, const struct projection *how) {
    struct projection p = *how;
    p.public_url = config()->public_url;
    p.comments = rows_slice(rows, row, 1);
    p.attachments = rows_slice(rows, row, 2);
    p.responses = rows_slice(rows, row, 3);
    project(out, rows_slice(rows, row, 0), &p);
}

struct reading reading_from(const struct request *r, const struct rows *rows, int row, int first_column) {
    return (struct reading){
        .reader_id = r->who.reader_id,
        .incident = rows_bool(rows, row, first_column),
        .comments_upto = rows_int(rows, row, first_column + 1),
        .attachments_upto = rows_int(rows, row, first_column + 2),
        .responses_upto = rows_int(rows, row, first_column + 3),
    };
}
