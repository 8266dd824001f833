#include "build/gen/operations.h"
#include "incidents/show.h"

enum { FIRST_READING_COLUMN = 4 };

/* The reader's row is raised in the same statement; the join sees it as it was before, which is what was_read tells. */
static const char details_sql[] =
    "with i as (select body, comments, attachments, responses, incident_id, update_time from incidents"
    "            where client_id = $1 and incident_id = $2),"
    " raised as ("
    "  insert into reads as rd (client_id, reader_id, incident_id, incident_read, comments_upto, attachments_upto, "
    "responses_upto)"
    "  select $1, $3, i.incident_id, true, case when $4 then i.update_time else 0 end,"
    "         case when $5 then i.update_time else 0 end, case when $6 then i.update_time else 0 end"
    "    from i where not exists (select from reads rd where rd.client_id = $1 and rd.reader_id = $3"
    "                                and rd.incident_id = i.incident_id and rd.incident_read"
    "                                and (not $4 or rd.comments_upto >= i.update_time)"
    "                                and (not $5 or rd.attachments_upto >= i.update_time)"
    "                                and (not $6 or rd.responses_upto >= i.update_time))"
    "  on conflict (client_id, reader_id, incident_id) do update set incident_read = true,"
    "   comments_upto = greatest(rd.comments_upto, excluded.comments_upto),"
    "   attachments_upto = greatest(rd.attachments_upto, excluded.attachments_upto),"
    "   responses_upto = greatest(rd.responses_upto, excluded.responses_upto))"
    " select i.body, i.comments, i.attachments, i.responses, " READING_SELECT
    "   from i left join reads rd on rd.client_id = $1 and rd.reader_id = $3 and rd.incident_id = i.incident_id";

static bool shown(const struct strings *fields, const char *name) { return !fields->n || strings_have(fields, name); }

enum err incidents_details(struct request *r, const struct incidents_details_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows, details_sql, "sssbbb", r->client_id, args->incident_id, r->who.reader_id,
                shown(&args->fields, "comments"), shown(&args->fields, "attachments"),
                shown(&args->fields, "responses")));
    if (!rows.n) return fail_not_found(r);
    struct projection how = {
        .fields = &args->fields,
        .html = args->markdown_to_html,
        .reading = reading_from(r, &rows, 0, FIRST_READING_COLUMN),
    };
    incident_show(&out->body, &rows, 0, &how);
    return OK;
}
