#include "demo/rows.h"

#include <string.h>

#include "base/sha256.h"
#include "demo/bodies.h"
#include "demo/copy.h"
#include "incidents/mitre.h"

enum { BUFFER_BYTES_MAX = 1024 * 1024 * 1024, SCRATCH_BYTES_MAX = 1024 * 1024 };

void rows_init(struct rows_out *out) {
#define X(member, table, columns) copy_init(&out->member, BUFFER_BYTES_MAX);
    ROWS_TABLES(X)
#undef X
    buf_init(&out->scratch, SCRATCH_BYTES_MAX);
}

void rows_reset(struct rows_out *out) {
#define X(member, table, columns) copy_reset(&out->member);
    ROWS_TABLES(X)
#undef X
}

void rows_end(struct rows_out *out) {
#define X(member, table, columns) copy_free(&out->member);
    ROWS_TABLES(X)
#undef X
    buf_free(&out->scratch);
}

bool rows_failed(const struct rows_out *out) {
    bool failed = out->scratch.failed;
#define X(member, table, columns) failed |= out->member.rows.failed;
    ROWS_TABLES(X)
#undef X
    return failed;
}

/* What was written into scratch becomes a field. */
static void copy_scratch(struct rows_out *out, struct copy *b) {
    copy_textn(b, buf_text(&out->scratch), out->scratch.len);
    buf_reset(&out->scratch);
}

/* ---- chat and responses ---- */

static void add_child_head(const struct content *c, const char *id, struct copy *b) {
    copy_text(b, c->w->client_id);
    copy_text(b, id);
    copy_text(b, c->id);
    copy_text(b, c->tenant->id);
}

static void add_comment(const struct content *c, const struct comment *m, struct rows_out *out) {
    struct copy *b = &out->comments;
    add_child_head(c, m->comment_id, b);
    copy_text(b, m->author_name);
    copy_text(b, m->author_reader);
    copy_text(b, m->text);
    copy_int(b, m->creation_time);
    copy_text(b, m->origin);
    body_of_comment(&out->scratch, m);
    copy_scratch(out, b);
    copy_end(b);
}

static void add_piece(const struct content *c, const struct attachment *a, struct copy *b) {
    copy_text(b, c->w->client_id);
    copy_text(b, a->attachment_id);
    copy_int4(b, 0);
    copy_bytes(b, a->picture->png, a->picture->bytes);
    copy_end(b);
}

static void add_attachment(const struct content *c, const struct attachment *a, struct rows_out *out) {
    struct copy *b = &out->attachments;
    add_child_head(c, a->attachment_id, b);
    copy_text(b, a->author_name);
    copy_text(b, a->author_reader);
    copy_text(b, a->caption);
    copy_text(b, a->full_name);
    copy_int(b, (int64_t)a->picture->bytes);
    copy_text(b, a->picture->sha256);
    copy_int(b, a->creation_time);
    copy_text(b, a->origin);
    body_of_attachment(&out->scratch, a);
    copy_scratch(out, b);
    copy_end(b);
    add_piece(c, a, &out->pieces);
}

/* As response_content_hash() in migrations/. */
static void add_content_hash(const struct response *r, struct rows_out *out) {
    char hex[SHA256_HEX_BYTES];
    buf_addf(&out->scratch, "%s\n%s\n%s\n%s", r->response_id, r->asset_id, r->type, r->parameters);
    sha256_hex(buf_text(&out->scratch), out->scratch.len, hex);
    buf_reset(&out->scratch);
    copy_text(&out->responses, hex);
}

static void add_response(const struct content *c, const struct response *r, struct rows_out *out) {
    struct copy *b = &out->responses;
    add_child_head(c, r->response_id, b);
    copy_text(b, r->asset_id);
    copy_text(b, r->type);
    copy_text(b, r->parameters);
    copy_text(b, r->file_path);
    copy_int(b, r->file_size_limit);
    copy_text(b, r->status);
    copy_text(b, r->comment);
    copy_text(b, r->description);
    copy_int(b, r->creation_time);
    copy_int(b, r->update_time);
    copy_int(b, r->decide_until);
    copy_text(b, r->origin);
    copy_text(b, r->author_reader);
    copy_bool(b, false);
    copy_text(b, r->decided_by);
    copy_text(b, r->execution_state);
    copy_text(b, r->connector_name);
    copy_int4(b, r->attempts);
    copy_int(b, r->started_at);
    copy_int(b, r->finished_at);
    copy_text(b, r->report_message);
    copy_text(b, r->report_code);
    add_content_hash(r, out);
    body_of_execution(&out->scratch, r);
    copy_scratch(out, b);
    body_of_response(&out->scratch, r);
    copy_scratch(out, b);
    copy_end(b);
}

/* ---- the incident ---- */

static void add_iocs(const struct ioc *iocs, size_t n, struct rows_out *out) {
    body_of_iocs(&out->scratch, iocs, n);
    copy_scratch(out, &out->incidents);
}

/* The bodies of what hangs on it, joined by commas, oldest first; each is added to its own table on the way. */
static void add_children(struct content *c, enum step_kind kind, struct rows_out *out) {
    scope_buf struct buf bodies;
    buf_init(&bodies, SCRATCH_BYTES_MAX);
    for (size_t step = 0; step < c->plan.steps_n; step++) {
        if (c->plan.steps[step].kind != kind) continue;
        if (kind == STEP_COMMENT) {
            struct comment m = content_comment(c, step);
            add_comment(c, &m, out);
            body_of_comment(&bodies, &m);
        } else if (kind == STEP_ATTACHMENT) {
            struct attachment a = content_attachment(c, step);
            add_attachment(c, &a, out);
            body_of_attachment(&bodies, &a);
        } else {
            struct response r = content_response(c, step);
            add_response(c, &r, out);
            body_of_response(&bodies, &r);
        }
    }
    copy_textn(&out->incidents, buf_text(&bodies), bodies.len);
}

static void add_search(struct content *c, const struct incident *i, struct rows_out *out) {
    const char *text = search_text_of_incident(&c->arena, i);
    copy_text(&out->incidents, text);
    search_pairs(&out->scratch, text);
    copy_scratch(out, &out->incidents);
}

static void add_incident(struct content *c, const struct incident *i, struct rows_out *out) {
    struct copy *b = &out->incidents;
    copy_text(b, c->w->client_id);
    copy_text(b, i->incident_id);
    copy_text(b, c->tenant->id);
    copy_text(b, i->tenant_name);
    copy_int(b, i->incident_number);
    copy_text(b, i->summary);
    copy_text(b, i->priority);
    copy_text(b, i->status);
    copy_text(b, i->resolution);
    copy_array(b, i->affected_hosts, i->hosts_n);
    add_iocs(i->host_based_iocs, i->host_iocs_n, out);
    add_iocs(i->network_based_iocs, i->network_iocs_n, out);
    copy_text(b, i->detection_technology);
    copy_int(b, i->creation_time);
    copy_int(b, i->update_time);
    copy_text(b, i->attack_stage);
    copy_array(b, i->attack->tactics, i->attack->tactics_n);
    copy_array(b, i->attack->techniques, i->attack->techniques_n);
    copy_array(b, &i->threat_class, *i->threat_class != 0);
    copy_text(b, i->description);
    copy_text(b, i->client_description);
    copy_text(b, i->status_description);
    copy_text(b, i->recommendations);
    copy_text(b, i->origin);
    copy_text(b, i->author_reader);
    copy_bool(b, i->has_sla);
    copy_int(b, i->detected_at);
    copy_int(b, i->notified_at);
    copy_int(b, i->closed_at);
    copy_int4(b, i->comments_n);
    copy_int4(b, i->attachments_n);
    copy_int4(b, i->responses_n);
    copy_int4(b, i->history_n);
    add_children(c, STEP_COMMENT, out);
    add_children(c, STEP_ATTACHMENT, out);
    add_children(c, STEP_RESPONSE, out);
    body_of_incident(&out->scratch, i);
    copy_scratch(out, b);
    add_search(c, i, out);
    copy_end(b);
}

/* ---- what it is found by ---- */

static void add_key(const struct content *c, const char *kind, const char *key, struct copy *b) {
    copy_text(b, c->w->client_id);
    copy_text(b, kind);
    copy_text(b, key);
    copy_text(b, c->id);
    copy_end(b);
}

static void add_mitre_keys(struct content *c, const char *kind, const char *text, struct copy *b) {
    const char *keys[2];
    int n = mitre_keys(&c->arena, text, keys);
    for (int i = 0; i < n; i++) add_key(c, kind, keys[i], b);
}

static void add_keys(struct content *c, const struct incident *i, struct copy *b) {
    const struct attack *a = &c->attack;
    for (size_t n = 0; n < c->plan.hosts_n; n++) add_key(c, "asset", c->hosts[n].asset_id, b);
    for (size_t n = 0; n < a->tactics_n; n++) add_mitre_keys(c, "tactic", a->tactics[n], b);
    for (size_t n = 0; n < a->techniques_n; n++) add_mitre_keys(c, "technique", a->techniques[n], b);
    if (*i->threat_class) add_key(c, "threat", i->threat_class, b);
}

void rows_add(struct content *c, struct rows_out *out) {
    struct incident i = content_incident(c);
    add_incident(c, &i, out);
    add_keys(c, &i, &out->keys);
}
