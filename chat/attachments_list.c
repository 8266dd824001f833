#include <string.h>

#include "build/gen/operations.h"
#include "chat/chat.h"

/* Reading and marking as read in one snapshot: the rows show how it was before, the mark is the newest attachment shown. */
static enum err read_attachments(struct request *r, const char *incident_id, struct rows *out) {
    return db_read(
        &r->scope, out,
        "with newest as ("
        "    select max(creation_time) as stamp from attachments where client_id = $1 and incident_id = $2"
        "), raised as ("
        "    insert into reads as r (client_id, reader_id, incident_id, attachments_upto)"
        "    select $1, $3, $2, stamp from newest"
        "     where stamp is not null and not exists ("
        "           select from reads where client_id = $1 and reader_id = $3 and incident_id = $2"
        "                               and attachments_upto >= stamp)"
        "    on conflict (client_id, reader_id, incident_id) do update"
        "       set attachments_upto = greatest(r.attachments_upto, excluded.attachments_upto)"
        ")"
        "select a.body, coalesce(r.attachments_upto, 0)"
        "  from incidents i"
        "  left join reads r on r.client_id = i.client_id and r.reader_id = $3 and r.incident_id = i.incident_id"
        "  left join attachments a on a.client_id = i.client_id and a.incident_id = i.incident_id"
        " where i.client_id = $1 and i.incident_id = $2"
        " order by a.creation_time, a.attachment_id",
        "sss", r->client_id, incident_id, r->who.reader_id);
}

enum err attachments_list(struct request *r, const struct attachments_list_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(read_attachments(r, args->incident_id, &rows));
    if (!rows.n) return fail_not_found(r);
    bool newest_first = !strcmp(args->sort, "creation_time:desc");
    struct projection p = chat_projection(r, &args->fields, args->markdown_to_html);
    p.reading.attachments_upto = rows_int(&rows, 0, 1);
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n && !rows_null(&rows, i, 0); i++) {
        int row = newest_first ? rows.n - 1 - i : i;
        project(&out->body, rows_slice(&rows, row, 0), &p);
    }
    json_close(&out->body, ']');
    return OK;
}
