/* incidents/close: the customer's (or the SOC's) last word. Source: contract A5. */
#include <string.h>

#include "auth/write.h"
#include "incidents/change.h"

/* Locks the incident and says why it cannot be closed. */
static enum err guard_open(struct request *r, struct tx *tx, const char *incident_id) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select status from incidents where client_id = $1 and incident_id = $2 for no key update",
               "ss", r->client_id, incident_id));
    if (!rows.n) return fail_not_found(r);
    if (!strcmp(rows_text(&rows, 0, 0), "Closed")) return fail(r, ERR_CONFLICT, "The incident is closed already.");
    return OK;
}

enum err incidents_close(struct request *r, const struct incidents_close_args *args, struct reply *out) {
    const char *resolution = !strcmp(args->resolution_status, "FALSE_POSITIVE") ? "False positive" : "True positive";
    scope_tx struct tx tx = {0};
    scope_rows struct rows rows = {0};
    int64_t stamp = 0;
    TRY(write_begin(r, &tx));
    TRY(guard_open(r, &tx, args->incident_id));
    TRY(tx_run(&tx, NULL, "delete from due where client_id = $1 and kind = 'close' and object_id = $2", "ss",
               r->client_id, args->incident_id));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(tx_run(
        &tx, &rows,
        "with i as ("
        " update incidents set status = 'Closed', resolution = $3, status_description = $4, closed_at = $5,"
        "        update_time = $5, history_n = history_n + 1"
        "  where client_id = $1 and incident_id = $2 and status <> 'Closed' returning *)"
        " select body, comments, attachments, responses,"
        "        ledger_append($5, tenant_id, incident_id, 'incident_details', incident_id, 'update', $6, $7, body)"
        "   from i",
        "ssssiss", r->client_id, args->incident_id, resolution, args->summary, stamp, r->who.name, r->who.session_id));
    incident_reply_fresh(out, &rows, 0, false);
    return write_commit(r, &tx, stamp, out);
}
