#include <string.h>

#include "auth/sessions.h"
#include "auth/write.h"
#include "build/gen/operations.h"

/* The lock waits for writers that are about to put something into the tenant, and makes the next ones wait for us. */
static enum err lock_empty(struct request *r, struct tx *tx, const char *id) {
    scope_rows struct rows found = {0};
    scope_rows struct rows used = {0};
    TRY(tx_run(tx, &found, "select 1 from tenants where client_id = $1 and tenant_id = $2 for update", "ss",
               r->client_id, id));
    if (!found.n) return fail_not_found(r);
    TRY(tx_run(tx, &used,
               "select exists (select from assets where client_id = $1 and tenant_id = $2),"
               "       exists (select from incidents where client_id = $1 and tenant_id = $2)",
               "ss", r->client_id, id));
    if (rows_bool(&used, 0, 0)) return fail(r, ERR_CONFLICT, "Assets belong to this tenant; move them first.");
    if (rows_bool(&used, 0, 1)) return fail(r, ERR_CONFLICT, "Incidents belong to this tenant; it has to stay.");
    return OK;
}

/* all_tenants is a column of its own, so an emptied list sees nothing. Gives the sessions that were cut. */
static enum err leave_lists(struct request *r, struct tx *tx, const char *id, struct rows *sessions) {
    TRY(tx_run(tx, NULL,
               "update users set tenants = array_remove(tenants, $2) where client_id = $1 and $2 = any(tenants)", "ss",
               r->client_id, id));
    TRY(tx_run(tx, NULL,
               "update clients set auto_response_tenants = array_remove(auto_response_tenants, $2)"
               " where client_id = $1 and $2 = any(auto_response_tenants)",
               "ss", r->client_id, id));
    TRY(tx_run(tx, NULL,
               "update schedules set tenants = array_remove(tenants, $2) where client_id = $1 and $2 = any(tenants)",
               "ss", r->client_id, id));
    return tx_run(tx, sessions,
                  "update sessions set tenants = array_remove(tenants, $2) where client_id = $1 and $2 = any(tenants)"
                  " returning session_id",
                  "ss", r->client_id, id);
}

static enum err remove_and_record(struct request *r, struct tx *tx, const char *id, int64_t *stamp) {
    TRY(write_clock(tx, 1, stamp));
    return tx_run(
        tx, NULL,
        "with t as (delete from tenants where client_id = $1 and tenant_id = $2 returning tenants)"
        " select ledger_append($3, $2, '', 'tenant', $2, 'delete', $4, $5, tenant_body(t.tenants, $3)) from t",
        "ssiss", r->client_id, id, *stamp, r->who.name, r->who.session_id);
}

enum err tenants_delete(struct request *r, const struct tenants_delete_args *args, struct reply *out) {
    if (!r->who.all_tenants) return fail(r, ERR_FORBIDDEN, "Only a token of all tenants may create or delete tenants.");
    if (!strcmp(args->tenant_id, "-")) return fail(r, ERR_CONFLICT, "The root cannot be deleted.");
    scope_tx struct tx tx = {0};
    scope_rows struct rows sessions = {0};
    int64_t stamp = 0;
    TRY(write_begin(r, &tx));
    TRY(lock_empty(r, &tx, args->tenant_id));
    TRY(leave_lists(r, &tx, args->tenant_id, &sessions));
    TRY(remove_and_record(r, &tx, args->tenant_id, &stamp));
    buf_adds(&out->body, "{}");
    TRY(write_commit(r, &tx, stamp, out));
    for (int i = 0; i < sessions.n; i++) session_forget(r->client_id, rows_text(&sessions, i, 0));
    return OK;
}
