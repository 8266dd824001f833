#include "incidents/revise.h"

#include <string.h>

#include "auth/write.h"

static bool ends(const char *status) { return !strcmp(status, "Resolved") || !strcmp(status, "Closed"); }

/* status and resolution as they will be, in v; ERR_NOT_FOUND, ERR_INVALID. */
static enum err guard(struct request *r, struct tx *tx, struct revision *v) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select status, resolution from incidents where client_id = $1 and incident_id = $2 for no key update",
               "ss", r->client_id, v->incident_id));
    if (!rows.n) return fail_not_found(r);
    bool reopened = v->status && !ends(v->status) && ends(rows_text(&rows, 0, 0));
    if (!v->status) v->status = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    if (!v->resolution) v->resolution = reopened ? "" : arena_strdup(r->arena, rows_text(&rows, 0, 1));
    if (ends(v->status) && !*v->resolution)
        return fail_at(r, "/resolution", "an incident that is %s needs a resolution", v->status);
    if (!ends(v->status) && *v->resolution)
        return fail_at(r, "/resolution", "an incident that is %s has no resolution", v->status);
    return OK;
}

static enum err set_due(struct request *r, struct tx *tx, const struct revision *v, int64_t stamp) {
    if (strcmp(v->status, "Resolved") != 0)
        return tx_run(tx, NULL, "delete from due where client_id = $1 and kind = 'close' and object_id = $2", "ss",
                      r->client_id, v->incident_id);
    return tx_run(
        tx, NULL,
        "insert into due (client_id, kind, object_id, due_at) values ($1, 'close', $2, $3) on conflict do nothing",
        "ssi", r->client_id, v->incident_id, stamp + CLOSE_AFTER_MS);
}

static const struct strings *given(const struct strings *list) { return list->v ? list : NULL; }

static enum err set_keys(struct request *r, struct tx *tx, const char *id, const struct incident_texts *t,
                         const struct incident_hosts *hosts) {
    if (hosts) TRY(incident_keys_set(r, tx, id, "asset", &hosts->asset_ids));
    if (t->mitre_tactics.v) TRY(incident_keys_set_mitre(r, tx, id, "tactic", &t->mitre_tactics));
    if (t->mitre_techniques.v) TRY(incident_keys_set_mitre(r, tx, id, "technique", &t->mitre_techniques));
    if (t->threat_classes.v) TRY(incident_keys_set(r, tx, id, "threat", &t->threat_classes));
    return OK;
}

static enum err change(struct request *r, struct tx *tx, const struct revision *v, int64_t stamp, struct rows *rows) {
    const struct incident_texts *t = v->texts;
    const char *host_iocs = t->host_based_iocs ? iocs_json(r->arena, t->host_based_iocs, t->host_based_iocs_n) : NULL;
    const char *network_iocs =
        t->network_based_iocs ? iocs_json(r->arena, t->network_based_iocs, t->network_based_iocs_n) : NULL;
    return tx_run(
        tx, rows,
        "with i as (update incidents i set"
        "  priority = coalesce($3, priority), affected_hosts = coalesce($4, affected_hosts),"
        "  host_based_iocs = coalesce($5::json, host_based_iocs),"
        "  network_based_iocs = coalesce($6::json, network_based_iocs),"
        "  mitre_tactics = coalesce($7, mitre_tactics), mitre_techniques = coalesce($8, mitre_techniques),"
        "  threat_classes = coalesce($9, threat_classes), detection_technology = coalesce($10, detection_technology),"
        "  attack_stage = coalesce($11, attack_stage), summary = coalesce($12, summary),"
        "  description = coalesce($13, description), recommendations = coalesce($14, recommendations),"
        "  status_description = coalesce($15, status_description), status = $16, resolution = $17,"
        "  closed_at = case when $16 = 'Closed' then $18 else 0 end,"
        "  update_time = $18, history_n = history_n + 1"
        " where client_id = $1 and incident_id = $2 returning *)"
        " select body, comments, attachments, responses,"
        "        ledger_append($18, tenant_id, incident_id, 'incident_details', incident_id, 'update', $19, $20, body)"
        "   from i",
        "sssSssSSSssssssssiss", r->client_id, v->incident_id, t->priority, v->hosts ? &v->hosts->refs : NULL, host_iocs,
        network_iocs, given(&t->mitre_tactics), given(&t->mitre_techniques), given(&t->threat_classes),
        t->detection_technology, t->attack_stage, t->summary, t->description, t->recommendations, v->status_description,
        v->status, v->resolution, stamp, r->who.name, r->who.session_id);
}

enum err incident_revise(struct request *r, struct tx *tx, const struct revision *given_revision, int64_t *stamp,
                         struct rows *rows) {
    struct revision v = *given_revision;
    TRY(guard(r, tx, &v));
    TRY(set_keys(r, tx, v.incident_id, v.texts, v.hosts));
    TRY(write_clock(tx, 1, stamp));
    TRY(change(r, tx, &v, *stamp, rows));
    return set_due(r, tx, &v, *stamp);
}
