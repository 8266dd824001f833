#include "incidents/filter.h"

#include <string.h>

#include "base/feed.h"
#include "incidents/mitre.h"

static const struct strings *folded_tenants(struct request *r, const struct strings *names) {
    struct strings *out = arena_alloc(r->arena, sizeof *out);
    out->v = arena_alloc(r->arena, names->n * sizeof *out->v);
    for (; out->n < names->n; out->n++) out->v[out->n] = strcmp(names->v[out->n], "-") ? names->v[out->n] : "";
    return out;
}

static const struct strings *ids_of_hosts(struct request *r, const struct strings *hosts) {
    struct strings *out = arena_alloc(r->arena, sizeof *out);
    out->v = arena_alloc(r->arena, hosts->n * sizeof *out->v);
    for (; out->n < hosts->n; out->n++) out->v[out->n] = strrchr(hosts->v[out->n], ':') + 1;
    return out;
}

static const struct strings *keys_of(struct request *r, const struct strings *names) {
    struct strings *out = arena_alloc(r->arena, sizeof *out);
    out->v = arena_alloc(r->arena, 2 * names->n * sizeof *out->v);
    for (size_t i = 0; i < names->n; i++) out->n += (size_t)mitre_keys(r->arena, names->v[i], out->v + out->n);
    return out;
}

static const struct strings *types_of(struct request *r, const struct strings *types) {
    struct strings *out = arena_alloc(r->arena, sizeof *out);
    out->v = arena_alloc(r->arena, (types->n + 1) * sizeof *out->v);
    for (size_t i = 0; i < types->n; i++) {
        out->v[out->n++] = types->v[i];
        if (!strcasecmp(types->v[i], "File")) out->v[out->n - 1] = "GET_FILE";
    }
    return out;
}

static void add_any(struct sql *q, const char *piece, const struct strings *list) {
    if (list->n) sql_add(q, piece, "S", list);
}

static void add_key(struct sql *q, const char *kind, const struct strings *keys) {
    sql_add(q,
            " and exists (select from incident_keys k where k.client_id = i.client_id and k.incident_id = i.incident_id"
            " and k.kind = ? and k.key = any(?))",
            "sS", kind, keys);
}

static size_t characters(const char *s) {
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* One or two characters have no trigram; search_pairs has one for them. */
static void add_phrase(struct request *r, struct sql *q, const char *phrase) {
    while (*phrase == ' ') phrase++;
    size_t len = strlen(phrase);
    while (len && phrase[len - 1] == ' ') len--;
    if (!len) return;
    phrase = arena_strndup(r->arena, phrase, len);
    q->plan_for_values = true;
    if (characters(phrase) >= 3)
        sql_add(q, " and i.search_text like '%' || search_escape(search_fold(?)) || '%'", "s", phrase);
    else
        sql_add(q, " and i.search_pairs like '%' || search_escape(search_spread(search_fold(?))) || '%'", "s", phrase);
}

static void add_times(struct sql *q, const struct incidents_filter *f) {
    if (f->has_min_creation_time) sql_add(q, " and i.creation_time >= ?", "i", f->min_creation_time);
    if (f->has_max_creation_time) sql_add(q, " and i.creation_time <= ?", "i", f->max_creation_time);
    if (f->has_min_update_time) sql_add(q, " and i.update_time >= ?", "i", f->min_update_time);
    if (f->has_max_update_time) sql_add(q, " and i.update_time <= ?", "i", f->max_update_time);
}

static void add_responses(struct request *r, struct sql *q, const struct incidents_filter *f) {
    static const char piece[] = " and exists (select from responses p where p.client_id = i.client_id"
                                " and p.incident_id = i.incident_id";
    if (!f->response_statuses.n && !f->response_types.n) return;
    if (f->response_statuses.n) {
        sql_add(q, piece, "");
        sql_add(q, " and p.status = any(?))", "S", &f->response_statuses);
    }
    if (f->response_types.n) {
        sql_add(q, piece, "");
        sql_add(q, " and p.type = any(?))", "S", types_of(r, &f->response_types));
    }
}

void incidents_where(struct request *r, struct sql *q, const struct incidents_filter *f) {
    sql_add(q, " where i.client_id = ?", "s", r->client_id);
    add_times(q, f);
    add_any(q, " and i.detection_technology = any(?)", &f->detection_technologies);
    add_any(q, " and i.priority = any(?)", &f->priorities);
    add_any(q, " and i.resolution = any(?)", &f->resolutions);
    add_any(q, " and i.status = any(?)", &f->statuses);
    add_any(q, " and i.origin = any(?)", &f->origins);
    add_any(q, " and i.external_ref = any(?)", &f->external_refs);
    if (f->tenants_names.n) sql_add(q, " and i.tenant_name = any(?)", "S", folded_tenants(r, &f->tenants_names));
    if (f->affected_hosts.n) add_key(q, "asset", ids_of_hosts(r, &f->affected_hosts));
    if (f->asset_ids.n) add_key(q, "asset", &f->asset_ids);
    if (f->mitre_tactics.n) add_key(q, "tactic", keys_of(r, &f->mitre_tactics));
    if (f->mitre_techniques.n) add_key(q, "technique", keys_of(r, &f->mitre_techniques));
    if (f->threat_classes.n) add_key(q, "threat", &f->threat_classes);
    add_responses(r, q, f);
    if (f->search_phrase) add_phrase(r, q, f->search_phrase);
}

enum err incidents_nothing_new(struct request *r, const struct incidents_filter *f, bool *nothing) {
    int64_t newest = 0;
    uint64_t version = 0;
    *nothing = false;
    if (!f->has_min_update_time) return OK;
    if (!feed_newest(r->client_id, &newest, &version)) {
        scope_rows struct rows rows = {0};
        TRY(db_read(&r->scope, &rows, "select stamp from clocks where client_id = $1", "s", r->client_id));
        if (!rows.n) return OK;
        newest = rows_int(&rows, 0, 0);
        feed_learned(r->client_id, newest, version);
    }
    *nothing = newest < f->min_update_time;
    return OK;
}
