/* An incident and all that belongs to it, as rows for COPY. */
#ifndef DEMO_ROWS_H
#define DEMO_ROWS_H

#include "demo/picture.h"
#include "demo/world.h"

/* Tables and columns, in the order of the rows' fields. Incidents and what hangs on them go into temporary tables first:
 * what a child looks like is rendered by the database, and an incident's row holds that of all its children. */
#define INCIDENT_COLUMNS                                                                                               \
    "client_id, incident_id, tenant_id, tenant_name, incident_number, summary, priority, status, resolution, "         \
    "affected_hosts, host_based_iocs, network_based_iocs, detection_technology, creation_time, update_time, "          \
    "attack_stage, mitre_tactics, mitre_techniques, threat_classes, description, client_description, "                 \
    "status_description, recommendations, origin, author_reader, has_sla, detected_at, notified_at, closed_at, "       \
    "comments_n, attachments_n, responses_n, history_n"

#define COMMENT_COLUMNS                                                                                                \
    "client_id, comment_id, incident_id, tenant_id, author_name, author_reader, text, creation_time, "                 \
    "origin, body"
#define ATTACHMENT_COLUMNS                                                                                             \
    "client_id, attachment_id, incident_id, tenant_id, author_name, author_reader, caption, full_name, "               \
    "file_size, sha256, creation_time, origin, body"
#define RESPONSE_COLUMNS                                                                                               \
    "client_id, response_id, incident_id, tenant_id, asset_id, type, parameters, file_path, "                          \
    "file_size_limit, status, comment, description, creation_time, update_time, decide_until, origin, "                \
    "author_reader, critical, decided_by, execution_state, connector_name, attempts, started_at, finished_at, "        \
    "report_message, report_code, body"

#define ROWS_TABLES(X)                                                                                                 \
    X(incidents, "demo_incidents", INCIDENT_COLUMNS)                                                                   \
    X(keys, "incident_keys", "client_id, kind, key, incident_id")                                                      \
    X(comments, "demo_comments", COMMENT_COLUMNS)                                                                      \
    X(attachments, "demo_attachments", ATTACHMENT_COLUMNS)                                                             \
    X(pieces, "attachment_pieces", "client_id, attachment_id, piece, data")                                            \
    X(responses, "demo_responses", RESPONSE_COLUMNS)                                                                   \
    X(due, "due", "client_id, kind, object_id, due_at")

struct rows_out {
#define X(member, table, columns) struct buf member;
    ROWS_TABLES(X)
#undef X
    struct buf scratch, text; /* in between */
    const struct picture *pictures;
};
void rows_init(struct rows_out *out, const struct picture *pictures_all);
void rows_reset(struct rows_out *out);
void rows_end(struct rows_out *out);
bool rows_failed(const struct rows_out *out);

/* stamps: one for each step of the plan. */
void rows_add(const struct world *w, uint32_t incident, const struct plan *p, const int64_t *stamps,
              struct rows_out *out);

#endif
