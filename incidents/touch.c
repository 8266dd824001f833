#include "incidents/touch.h"

enum err incident_lock(struct request *r, struct tx *tx, const char *incident_id) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select 1 from incidents where client_id = $1 and incident_id = $2 for no key update", "ss",
               r->client_id, incident_id));
    if (rows.n) return OK;
    return fail_not_found(r);
}

enum err incident_room(struct request *r, struct tx *tx, const char *incident_id, size_t more_bytes) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select octet_length(comments)::bigint + octet_length(responses) from incidents"
               " where client_id = $1 and incident_id = $2",
               "ss", r->client_id, incident_id));
    if (rows.n && rows_int(&rows, 0, 0) + (int64_t)more_bytes <= INCIDENT_CHILDREN_BYTES_MAX) return OK;
    return fail(r, ERR_CONFLICT, "The comments and responses of an incident may have %d bytes in all.",
                INCIDENT_CHILDREN_BYTES_MAX);
}

enum err incident_touch(struct request *r, struct tx *tx, const char *incident_id, int64_t stamp, int child_records) {
    return tx_run(
        tx, NULL,
        "with i as ("
        " update incidents i set update_time = $3, history_n = i.history_n + 1 + $4::integer,"
        "        comments = c.bodies, comments_n = c.n, attachments = a.bodies, attachments_n = a.n,"
        "        responses = p.bodies, responses_n = p.n"
        "   from (select coalesce(string_agg(body, ',' order by creation_time, comment_id), '') as bodies,"
        "                count(*) as n from comments where client_id = $1 and incident_id = $2) c,"
        "        (select coalesce(string_agg(body, ',' order by creation_time, attachment_id), '') as bodies,"
        "                count(*) as n from attachments where client_id = $1 and incident_id = $2) a,"
        "        (select coalesce(string_agg(body, ',' order by creation_time, response_id), '') as bodies,"
        "                count(*) as n from responses where client_id = $1 and incident_id = $2) p"
        "  where i.client_id = $1 and i.incident_id = $2 returning i.*)"
        " select ledger_append($3, tenant_id, incident_id, 'incident_details', incident_id, 'update', $5, $6, body)"
        "   from i",
        "ssiiss", r->client_id, incident_id, stamp, (int64_t)child_records, r->who.name, r->who.session_id);
}
