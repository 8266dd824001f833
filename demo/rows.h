/* An incident and all that belongs to it, as rows for COPY. */
#ifndef DEMO_ROWS_H
#define DEMO_ROWS_H

#include "demo/content.h"

/* Tables and columns, in the order of the rows' fields; an incident goes before what hangs on it. */
#define ROWS_TABLES(X)                                                                                                 \
    X(incidents, "incidents",                                                                                          \
      "client_id, incident_id, tenant_id, tenant_name, incident_number, summary, priority, status, resolution, "       \
      "affected_hosts, host_based_iocs, network_based_iocs, detection_technology, creation_time, update_time, "        \
      "attack_stage, mitre_tactics, mitre_techniques, threat_classes, description, client_description, "               \
      "status_description, recommendations, origin, author_reader, has_sla, detected_at, notified_at, closed_at, "     \
      "comments_n, attachments_n, responses_n, history_n, comments, attachments, responses, body, search_text, "       \
      "search_pairs")                                                                                                  \
    X(keys, "incident_keys", "client_id, kind, key, incident_id")                                                      \
    X(comments, "comments",                                                                                            \
      "client_id, comment_id, incident_id, tenant_id, author_name, author_reader, text, creation_time, origin, body")  \
    X(attachments, "attachments",                                                                                      \
      "client_id, attachment_id, incident_id, tenant_id, author_name, author_reader, caption, full_name, file_size, "  \
      "sha256, creation_time, origin, body")                                                                           \
    X(pieces, "attachment_pieces", "client_id, attachment_id, piece, data")                                            \
    X(responses, "responses",                                                                                          \
      "client_id, response_id, incident_id, tenant_id, asset_id, type, parameters, file_path, file_size_limit, "       \
      "status, comment, description, creation_time, update_time, decide_until, origin, author_reader, critical, "      \
      "decided_by, execution_state, connector_name, attempts, started_at, finished_at, report_message, report_code, "  \
      "content_hash, execution, body")

struct rows_out {
#define X(member, table, columns) struct copy member;
    ROWS_TABLES(X)
#undef X
    struct buf scratch;
};
void rows_init(struct rows_out *out);
void rows_reset(struct rows_out *out);
void rows_end(struct rows_out *out);
bool rows_failed(const struct rows_out *out);

void rows_add(struct content *c, struct rows_out *out);

#endif
