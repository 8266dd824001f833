#include "demo/bodies.h"

#include <string.h>

#include "rules/fold.h"

/* What depends on the reader or the moment: see api/project.h. */
#define MARK(what) "\1" what "\2"

/* Replies have key x only behind this mark. */
static void mark_ours(struct buf *b) { buf_adds(b, MARK("x")); }

static void add_list(struct buf *b, const char *key, const char *const *values, size_t n) {
    json_key(b, key);
    json_open(b, '[');
    for (size_t i = 0; i < n; i++) json_str(b, values[i]);
    json_close(b, ']');
}

/* ---- incidents ---- */

void body_of_iocs(struct buf *b, const struct ioc *iocs, size_t n) {
    json_open(b, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(b, '{');
        json_kstr(b, "type", iocs[i].type);
        json_kstr(b, "value", iocs[i].value);
        if (iocs[i].filename) json_kstr(b, "filename", iocs[i].filename);
        json_close(b, '}');
    }
    json_close(b, ']');
}

static void add_spaced(struct buf *b, const char *key, const char *value) {
    scope_buf struct buf text;
    buf_init(&text, 4096);
    json_str(&text, value);
    buf_addf(b, "%s\"%s\": %s", b->data[b->len - 1] == '{' ? "" : ", ", key, buf_text(&text));
}

/* As jsonb is written: that is what the database joins two lists with. */
static void add_iocs_spaced(struct buf *b, const struct ioc *iocs, size_t n) {
    for (size_t i = 0; i < n; i++) {
        buf_adds(b, b->data[b->len - 1] == '[' ? "{" : ", {");
        add_spaced(b, "type", iocs[i].type);
        add_spaced(b, "value", iocs[i].value);
        if (iocs[i].filename) add_spaced(b, "filename", iocs[i].filename);
        buf_addc(b, '}');
    }
}

static void add_all_iocs(struct buf *b, const struct incident *i) {
    json_key(b, "iocs");
    if (!i->host_iocs_n || !i->network_iocs_n) {
        bool host = i->host_iocs_n;
        body_of_iocs(b, host ? i->host_based_iocs : i->network_based_iocs, host ? i->host_iocs_n : i->network_iocs_n);
        return;
    }
    json_open(b, '[');
    add_iocs_spaced(b, i->host_based_iocs, i->host_iocs_n);
    add_iocs_spaced(b, i->network_based_iocs, i->network_iocs_n);
    json_close(b, ']');
}

/* NAME:0xID, taken apart */
static void add_mappings(struct buf *b, const struct incident *i) {
    json_key(b, "affected_hosts_mappings");
    json_open(b, '[');
    for (size_t h = 0; h < i->hosts_n; h++) {
        const char *colon = strrchr(i->affected_hosts[h], ':');
        json_open(b, '{');
        json_kstr(b, "host_id", colon + 1);
        json_key(b, "host_name");
        json_strn(b, i->affected_hosts[h], (size_t)(colon - i->affected_hosts[h]));
        json_close(b, '}');
    }
    json_close(b, ']');
}

static void add_counts(struct buf *b, const struct incident *i) {
    json_key(b, "counts");
    json_open(b, '{');
    json_kint(b, "responses", i->responses_n);
    json_kint(b, "comments", i->comments_n);
    json_kint(b, "attachments", i->attachments_n);
    json_kint(b, "history", i->history_n);
    json_close(b, '}');
}

static void add_sla(struct buf *b, const struct incident *i) {
    int64_t target_s = *i->priority == 'H' ? 3600 : *i->priority == 'N' ? 14400 : 86400;
    bool met = i->notified_at - i->detected_at <= target_s * 1000;
    json_key(b, "sla");
    json_open(b, '{');
    json_kbool(b, "applies", i->has_sla);
    json_kint(b, "target_s", target_s);
    json_kint(b, "detected_at", i->detected_at);
    json_kint(b, "notified_at", i->notified_at);
    json_kraw(b, "met", i->notified_at <= 0 ? "null" : met ? "true" : "false");
    json_close(b, '}');
}

void body_of_incident(struct buf *b, const struct incident *i) {
    json_open(b, '{');
    json_kstr(b, "incident_id", i->incident_id);
    json_kstr(b, "summary", i->summary);
    json_kstr(b, "priority", i->priority);
    json_kstr(b, "status", i->status);
    json_kstr(b, "resolution", i->resolution);
    add_list(b, "affected_hosts", i->affected_hosts, i->hosts_n);
    add_mappings(b, i);
    json_key(b, "host_based_iocs");
    body_of_iocs(b, i->host_based_iocs, i->host_iocs_n);
    json_key(b, "network_based_iocs");
    body_of_iocs(b, i->network_based_iocs, i->network_iocs_n);
    json_kstr(b, "detection_technology", i->detection_technology);
    json_kint(b, "creation_time", i->creation_time);
    json_key(b, "update_time");
    buf_addf(b, MARK("t%lld"), (long long)i->update_time);
    json_kstr(b, "attack_stage", i->attack_stage);
    add_list(b, "mitre_tactics", i->attack->tactics, i->attack->tactics_n);
    add_list(b, "mitre_techniques", i->attack->techniques, i->attack->techniques_n);
    json_kstr(b, "description", i->description);
    json_kint(b, "incident_number", i->incident_number);
    json_kstr(b, "client_description", i->client_description);
    json_kstr(b, "status_description", i->status_description);
    json_kstr(b, "origin", i->origin);
    json_kraw(b, "attachments", "[" MARK("A") "]");
    json_kraw(b, "comments", "[" MARK("C") "]");
    add_all_iocs(b, i);
    json_kraw(b, "responses", "[" MARK("R") "]");
    json_kstr(b, "tenant_name", i->tenant_name);
    json_key(b, "was_read");
    buf_addf(b, MARK("i:%s"), i->author_reader);
    json_kstr(b, "recommendations", i->recommendations);
    json_kstr(b, "client_comment", "");
    mark_ours(b);
    add_counts(b, i);
    add_list(b, "threat_classes", &i->threat_class, *i->threat_class != 0);
    add_sla(b, i);
    json_kstr(b, "external_ref", "");
    json_close(b, '}');
}

/* ---- chat ---- */

void body_of_comment(struct buf *b, const struct comment *m) {
    json_open(b, '{');
    json_kstr(b, "comment_id", m->comment_id);
    json_kstr(b, "author_name", m->author_name);
    json_kstr(b, "text", m->text);
    json_kint(b, "creation_time", m->creation_time);
    json_kstr(b, "origin", m->origin);
    json_key(b, "was_read");
    buf_addf(b, MARK("c%lld:%s"), (long long)m->creation_time, m->author_reader);
    json_close(b, '}');
}

void body_of_attachment(struct buf *b, const struct attachment *a) {
    json_open(b, '{');
    json_kstr(b, "attachment_id", a->attachment_id);
    json_kstr(b, "author_name", a->author_name);
    json_kstr(b, "caption", a->caption);
    json_kint(b, "creation_time", a->creation_time);
    json_kint(b, "file_size", (int64_t)a->picture->bytes);
    json_kstr(b, "full_name", a->full_name);
    json_key(b, "link");
    buf_addf(b, "\"" MARK("u") "/api/v1/%s/attachments/%s\"", a->client_id, a->attachment_id);
    json_kstr(b, "origin", a->origin);
    json_key(b, "was_read");
    buf_addf(b, MARK("a%lld:%s"), (long long)a->creation_time, a->author_reader);
    mark_ours(b);
    json_kstr(b, "sha256", a->picture->sha256);
    json_close(b, '}');
}

/* ---- responses ---- */

void body_of_execution(struct buf *b, const struct response *r) {
    json_open(b, '{');
    json_kstr(b, "state", r->execution_state);
    json_kstr(b, "connector", r->connector_name);
    json_kint(b, "attempts", r->attempts);
    json_kint(b, "started_at", r->started_at);
    json_kint(b, "finished_at", r->finished_at);
    json_kstr(b, "message", r->report_message);
    json_kraw(b, "result", "{}");
    json_kstr(b, "code", r->report_code);
    json_kint(b, "not_after", 0);
    json_kint(b, "epoch", 0);
    json_close(b, '}');
}

void body_of_response(struct buf *b, const struct response *r) {
    json_open(b, '{');
    json_kstr(b, "response_id", r->response_id);
    json_kstr(b, "type", r->type);
    json_key(b, "details");
    json_open(b, '{');
    json_kstr(b, "file_path", r->file_path);
    json_kint(b, "file_size_limit", r->file_size_limit);
    json_close(b, '}');
    json_kraw(b, "parameters", r->parameters);
    json_kstr(b, "asset_id", r->asset_id);
    json_kstr(b, "status", r->status);
    json_kstr(b, "comment", r->comment);
    json_kstr(b, "description", r->description);
    json_kint(b, "creation_time", r->creation_time);
    json_kint(b, "update_time", r->update_time);
    json_key(b, "was_read");
    buf_addf(b, MARK("r%lld:%s"), (long long)r->creation_time, r->author_reader);
    json_kint(b, "decide_until", r->decide_until);
    json_kstr(b, "group_id", "");
    json_kstr(b, "origin", r->origin);
    json_kraw(b, "decided_by", r->decided_by);
    json_key(b, "execution");
    body_of_execution(b, r);
    mark_ours(b);
    json_kstr(b, "incident_id", r->incident_id);
    json_kstr(b, "undo_of", "");
    json_kstr(b, "undone_by", "");
    json_close(b, '}');
}

/* ---- search ---- */

static const char *fold(struct arena *a, char *text) {
    for (char *c = text; *c; c++) {
        if (*c & 0x80) return rule_fold(a, text);
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 'a' - 'A');
    }
    return text;
}

const char *search_text_of_incident(struct arena *a, const struct incident *i) {
    scope_buf struct buf b;
    buf_init(&b, 64 * 1024);
    buf_addf(&b, "%s\nK-%lld\n", i->summary, (long long)i->incident_number);
    for (size_t h = 0; h < i->hosts_n; h++) {
        if (h) buf_addc(&b, '\n');
        buf_add(&b, i->affected_hosts[h], (size_t)(strrchr(i->affected_hosts[h], ':') - i->affected_hosts[h]));
    }
    buf_addf(&b, "\n%s\n%s", i->description, i->client_description);
    return fold(a, arena_strdup(a, buf_text(&b)));
}

void search_pairs(struct buf *b, const char *search_text) {
    for (const char *s = search_text; *s; s++) {
        if ((*s & 0xC0) != 0x80) buf_addc(b, 'q');
        buf_addc(b, *s);
    }
    buf_addc(b, 'q');
}
