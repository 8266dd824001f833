/* incidents/create: an incident that the customer reports. */
#include "auth/write.h"
#include "base/random.h"
#include "incidents/change.h"
#include "incidents/sla_count.h"

static enum err insert(struct request *r, struct tx *tx, const struct incidents_create_args *args,
                       const struct incident_hosts *hosts, const struct incident_tenant *tenant, bool has_sla,
                       int64_t stamp, int64_t number, struct rows *out) {
    char *id = arena_alloc(r->arena, ID20_BYTES);
    random_id20(id);
    TRY(tx_run(
        tx, out,
        "with i as ("
        " insert into incidents (client_id, incident_id, tenant_id, tenant_name, incident_number, summary, priority,"
        "  affected_hosts, creation_time, update_time, client_description, origin, author_reader, has_sla, detected_at,"
        "  body, search_text, search_pairs)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $9, '', '', '') returning *)"
        " select body, comments, attachments, responses,"
        "        ledger_append($9, tenant_id, incident_id, 'incident_details', incident_id, 'create', $14, $15, body)"
        "   from i",
        "ssssissSisssbss", r->client_id, id, tenant->id, tenant->name, number, args->summary, args->priority,
        &hosts->refs, stamp, args->client_description, origin_of(r), r->who.reader_id, has_sla, r->who.name,
        r->who.session_id));
    return incident_keys_set(r, tx, id, "asset", &hosts->asset_ids);
}

enum err incidents_create(struct request *r, const struct incidents_create_args *args, struct reply *out) {
    struct incident_hosts hosts;
    struct incident_tenant tenant;
    TRY(incident_hosts_find(r, &args->affected_hosts, &hosts));
    TRY(incident_tenant_find(r, args->tenant_id, &hosts, &tenant));

    scope_tx struct tx tx = {0};
    scope_rows struct rows clock = {0}, rows = {0};
    TRY(write_begin(r, &tx));
    TRY(tx_run(&tx, &clock, "select stamp, number from ledger_clock_incident()", ""));
    int64_t stamp = rows_int(&clock, 0, 0);
    bool has_sla = false;
    TRY(sla_left(r, &tx, stamp, &has_sla));
    TRY(insert(r, &tx, args, &hosts, &tenant, has_sla && !args->no_sla_flag, stamp, rows_int(&clock, 0, 1), &rows));
    incident_reply_fresh(out, &rows, 0, args->markdown_to_html);
    return write_commit(r, &tx, stamp, out);
}
