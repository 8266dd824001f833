/* incidents/ingest: the SOC puts an incident in; the same external_ref again changes that incident. */
#include "auth/write.h"
#include "base/random.h"
#include "incidents/revise.h"

static enum err set_keys(struct request *r, struct tx *tx, const char *id, const struct incident_texts *t,
                         const struct incident_hosts *hosts) {
    TRY(incident_keys_set(r, tx, id, "asset", &hosts->asset_ids));
    TRY(incident_keys_set_mitre(r, tx, id, "tactic", &t->mitre_tactics));
    TRY(incident_keys_set_mitre(r, tx, id, "technique", &t->mitre_techniques));
    return incident_keys_set(r, tx, id, "threat", &t->threat_classes);
}

static const char *text(const char *s) { return s ? s : ""; }

static enum err insert(struct request *r, struct tx *tx, const struct incidents_ingest_args *args,
                       const struct incident_hosts *hosts, const struct incident_tenant *tenant, int64_t *stamp,
                       struct rows *out) {
    const struct incident_texts *t = &args->texts;
    scope_rows struct rows clock = {0};
    char *id = arena_alloc(r->arena, ID20_BYTES);
    random_id20(id);
    TRY(tx_run(tx, &clock, "select stamp, number from ledger_clock_incident()", ""));
    *stamp = rows_int(&clock, 0, 0);
    TRY(tx_run(
        tx, out,
        "with i as ("
        " insert into incidents (client_id, incident_id, tenant_id, tenant_name, incident_number, external_ref, "
        "summary,"
        "  priority, affected_hosts, host_based_iocs, network_based_iocs, detection_technology, creation_time, "
        "update_time,"
        "  attack_stage, mitre_tactics, mitre_techniques, threat_classes, description, recommendations, origin,"
        "  author_reader, detected_at, notified_at, body, search_text, search_pairs)"
        " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::json, $11::json, $12, $13, $13, $14, $15, $16, $17, $18, "
        "$19,"
        "  'Service', $20, least($21, $13), $13, '', '', '') returning *)"
        " select body, comments, attachments, responses,"
        "        ledger_append($13, tenant_id, incident_id, 'incident_details', incident_id, 'create', $22, $23, body)"
        "   from i",
        "ssssisssSsssisSSSsssiss", r->client_id, id, tenant->id, tenant->name, rows_int(&clock, 0, 1),
        text(args->external_ref), t->summary, t->priority, &hosts->refs,
        iocs_json(r->arena, t->host_based_iocs, t->host_based_iocs_n),
        iocs_json(r->arena, t->network_based_iocs, t->network_based_iocs_n), text(t->detection_technology), *stamp,
        text(t->attack_stage), &t->mitre_tactics, &t->mitre_techniques, &t->threat_classes, t->description,
        text(t->recommendations), r->who.reader_id, args->has_detected_at ? args->detected_at : *stamp, r->who.name,
        r->who.session_id));
    return set_keys(r, tx, id, t, hosts);
}

/* The incident of that external_ref, locked; "" = none. */
static enum err find_earlier(struct request *r, struct tx *tx, const char *external_ref, const char **id) {
    scope_rows struct rows rows = {0};
    *id = "";
    if (!external_ref) return OK;
    TRY(tx_run(tx, &rows,
               "select incident_id from incidents where client_id = $1 and external_ref = $2 for no key update", "ss",
               r->client_id, external_ref));
    if (rows.n) *id = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    return OK;
}

static enum err ingest(struct request *r, const struct incidents_ingest_args *args, const struct incident_hosts *hosts,
                       const struct incident_tenant *tenant, struct reply *out) {
    scope_tx struct tx tx = {0};
    scope_rows struct rows rows = {0};
    const char *earlier = "";
    int64_t stamp = 0;
    TRY(write_begin(r, &tx));
    TRY(find_earlier(r, &tx, args->external_ref, &earlier));
    if (*earlier)
        TRY(incident_revise(r, &tx, &(struct revision){.incident_id = earlier, .texts = &args->texts, .hosts = hosts},
                            &stamp, &rows));
    else
        TRY(insert(r, &tx, args, hosts, tenant, &stamp, &rows));
    incident_reply_fresh(out, &rows, 0, false);
    return write_commit(r, &tx, stamp, out);
}

enum err incidents_ingest(struct request *r, const struct incidents_ingest_args *args, struct reply *out) {
    struct incident_hosts hosts;
    struct incident_tenant tenant;
    TRY(incident_hosts_find(r, &args->texts.affected_hosts, &hosts));
    TRY(incident_tenant_find(r, args->tenant_id, &hosts, &tenant));
    enum err e = ingest(r, args, &hosts, &tenant, out);
    /* Another gateway made the same external_ref in between: now it is there to be changed. */
    if (e == ERR_CONFLICT && r->fault.err == OK) e = ingest(r, args, &hosts, &tenant, out);
    return e;
}
