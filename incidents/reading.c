#include "incidents/reading.h"

struct reading reading_from(const struct request *r, const struct rows *rows, int row, int first_column) {
    return (struct reading){
        .reader_id = r->who.reader_id,
        .incident = rows_bool(rows, row, first_column),
        .comments_upto = rows_int(rows, row, first_column + 1),
        .attachments_upto = rows_int(rows, row, first_column + 2),
        .responses_upto = rows_int(rows, row, first_column + 3),
    };
}
