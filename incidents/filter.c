#include "incidents/filter.h"

#include <string.h>

#include "base/feed.h"
#include "incidents/mitre.h"
#include "responses/types.h"

/* As incidents hold them: the root's name is "". */
static struct strings tenants_meant(struct arena *a, const struct strings *names) {
    struct strings out = strings_new(a, names->n);
    for (; out.n < names->n; out.n++) out.v[out.n] = strcmp(names->v[out.n], "-") ? names->v[out.n] : "";
    return out;
}

static struct strings ids_of_hosts(struct arena *a, const struct strings *hosts) {
    struct strings out = strings_new(a, hosts->n);
    for (; out.n < hosts->n; out.n++) out.v[out.n] = strrchr(hosts->v[out.n], ':') + 1;
    return out;
}

static void add_key(struct sql *q, const char *kind, struct strings keys) {
    if (!keys.n) return;
    sql_add(q,
            " and exists (select from incident_keys k where k.client_id = i.client_id and k.incident_id = i.incident_id"
            " and k.kind = ? and k.key = any(?))",
            "sS", kind, &keys);
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

static void add_responses(struct sql *q, const char *column, struct strings values) {
    if (!values.n) return;
    sql_add(q, " and exists (select from responses p where p.client_id = i.client_id and p.incident_id = i.incident_id",
            "");
    sql_add_any(q, column, &values);
    sql_add(q, ")", "");
}

void incidents_where(struct request *r, struct sql *q, const struct incidents_filter *f) {
    struct strings tenants = tenants_meant(r->arena, &f->tenants_names);
    sql_add(q, " where i.client_id = ?", "s", r->client_id);
    add_times(q, f);
    sql_add_any(q, "i.detection_technology", &f->detection_technologies);
    sql_add_any(q, "i.priority", &f->priorities);
    sql_add_any(q, "i.resolution", &f->resolutions);
    sql_add_any(q, "i.status", &f->statuses);
    sql_add_any(q, "i.origin", &f->origins);
    sql_add_any(q, "i.external_ref", &f->external_refs);
    sql_add_any(q, "i.tenant_name", &tenants);
    add_key(q, "asset", ids_of_hosts(r->arena, &f->affected_hosts));
    add_key(q, "asset", f->asset_ids);
    add_key(q, "tactic", mitre_keys_of(r->arena, &f->mitre_tactics));
    add_key(q, "technique", mitre_keys_of(r->arena, &f->mitre_techniques));
    add_key(q, "threat", f->threat_classes);
    add_responses(q, "p.status", f->response_statuses);
    add_responses(q, "p.type", response_types_meant(r->arena, &f->response_types));
    if (f->search_phrase) add_phrase(r, q, f->search_phrase);
}

enum err incidents_nothing_new(struct request *r, const struct incidents_filter *f, bool *nothing) {
    int64_t newest = 0;
    *nothing = false;
    if (!f->has_min_update_time) return OK;
    TRY(feed_stamp(r->client_id, &newest));
    if (!newest) return OK;
    *nothing = newest < f->min_update_time;
    return OK;
}
