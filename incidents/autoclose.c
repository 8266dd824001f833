#include "incidents/autoclose.h"

#include "auth/gateway.h"
#include "auth/write.h"
#include "base/clock.h"
#include "incidents/touch.h"

/* The queue's row decides: reopening removes it, resolving again writes a new one. */
static enum err is_due(struct request *r, struct tx *tx, const char *incident_id, bool *due, bool *resolved) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select i.status = 'Resolved' from incidents i join due d"
               "    on d.client_id = i.client_id and d.kind = 'close' and d.object_id = i.incident_id"
               " where i.client_id = $1 and i.incident_id = $2"
               "   and d.due_at <= " SQL_NOW_MS " for update of d",
               "ss", r->client_id, incident_id));
    *due = rows.n > 0;
    *resolved = *due && rows_bool(&rows, 0, 0);
    return OK;
}

static enum err close_incident(struct request *r, struct tx *tx, const char *incident_id, int64_t *stamp) {
    TRY(write_clock(tx, 1, stamp));
    TRY(tx_run(tx, NULL,
               "update incidents set status = 'Closed', closed_at = $3"
               " where client_id = $1 and incident_id = $2 and status = 'Resolved'",
               "ssi", r->client_id, incident_id, *stamp));
    return incident_touch(r, tx, incident_id, *stamp, 0);
}

static enum err run(struct request *r, const char *incident_id) {
    struct reply nothing = {0};
    bool due = false, resolved = false;
    int64_t stamp = 0;
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(incident_lock(r, &tx, incident_id));
    TRY(is_due(r, &tx, incident_id, &due, &resolved));
    if (due)
        TRY(tx_run(&tx, NULL, "delete from due where client_id = $1 and kind = 'close' and object_id = $2", "ss",
                   r->client_id, incident_id));
    if (resolved) TRY(close_incident(r, &tx, incident_id, &stamp));
    return write_commit(r, &tx, stamp, &nothing);
}

enum err autoclose_run(const char *client_id, const char *incident_id) {
    return gateway_run(run, client_id, incident_id);
}
