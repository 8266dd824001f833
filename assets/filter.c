#include "assets/filter.h"

#include <string.h>

struct status_span status_span_of(const struct strings *statuses) {
    bool absent = strings_have(statuses, "ABSENT");
    bool offline = strings_have(statuses, "OFFLINE");
    bool alive =
        strings_have(statuses, "OK") || strings_have(statuses, "WARNING") || strings_have(statuses, "CRITICAL");
    struct status_span span = {.any = !statuses->n};
    if (span.any) return span;
    span.none = !absent && !offline && !alive;
    span.not_absent = !absent;
    span.silent_only = !alive;
    span.alive_only = !absent && !offline;
    return span;
}

static void add_statuses(struct sql *q, const struct strings *statuses, int64_t now_ms) {
    struct status_span span = status_span_of(statuses);
    if (span.any) return;
    if (span.none) {
        sql_add(q, " and false", "");
        return;
    }
    sql_add(
        q,
        " and asset_status(a.last_seen, a.absent_at, a.severity, a.databases_time, ?, c.offline_after_days) = any(?)",
        "iS", now_ms, statuses);
    if (span.not_absent) sql_add(q, " and a.absent_at > ?", "i", now_ms);
    if (span.silent_only) sql_add(q, " and a.last_seen <= ? - 86400000::bigint", "i", now_ms);
    if (span.alive_only) sql_add(q, " and a.last_seen > ? - c.offline_after_days * 86400000::bigint", "i", now_ms);
}

static void add_times(struct sql *q, const struct assets_filter *f) {
    if (f->has_min_first_seen) sql_add(q, " and a.first_seen >= ?", "i", f->min_first_seen);
    if (f->has_max_first_seen) sql_add(q, " and a.first_seen <= ?", "i", f->max_first_seen);
    if (f->has_min_last_seen) sql_add(q, " and a.last_seen >= ?", "i", f->min_last_seen);
    if (f->has_max_last_seen) sql_add(q, " and a.last_seen <= ?", "i", f->max_last_seen);
}

static bool given(const char *text) { return text && *text; }

/* The pattern of an address on search_text is implied by the other; it is there for the index. */
static bool add_searches(struct sql *q, const char *client_id, const struct assets_filter *f) {
    bool phrase = given(f->search_phrase), address = given(f->network_interface);
    bool os = given(f->os_version), product = given(f->product);
    if (!phrase && !address && !os && !product) return false;
    q->plan_for_values = true;
    sql_add(q, " and a.asset_id in (select s.asset_id from asset_search s where s.client_id = ?", "s", client_id);
    if (phrase) sql_add(q, " and s.search_text like asset_pattern(?)", "s", f->search_phrase);
    if (address)
        sql_add(q,
                " and s.search_text like asset_pattern(replace(?, '-', ':'))"
                " and s.addresses like asset_pattern(replace(?, '-', ':'))",
                "ss", f->network_interface, f->network_interface);
    if (os) sql_add(q, " and s.os_version like asset_pattern(?)", "s", f->os_version);
    if (product) sql_add(q, " and s.products like asset_pattern(?)", "s", f->product);
    sql_add(q, ")", "");
    return true;
}

/* Through incidents, so that an incident of a tenant out of sight tells nothing. */
static void add_incidents(struct sql *q, const char *client_id, const struct strings *ids) {
    if (!ids->n) return;
    sql_add(q,
            " and a.asset_id in (select k.key from incident_keys k"
            " join incidents i on i.client_id = k.client_id and i.incident_id = k.incident_id"
            " where k.client_id = ? and k.kind = 'asset' and k.incident_id = any(?))",
            "sS", client_id, ids);
}

bool assets_filter_add(struct sql *q, const char *client_id, const struct assets_filter *f, int64_t now_ms) {
    sql_add(q,
            " from assets a join clients c on c.client_id = a.client_id"
            " where a.client_id = ? and (a.absent_at > ? or not c.hide_absent_assets)",
            "si", client_id, now_ms);
    if (given(f->domain)) sql_add(q, " and lower(a.domain) = lower(?)", "s", f->domain);
    if (f->host_names.n)
        sql_add(q, " and a.host_name_folded = any(array(select search_fold(h) from unnest(?) h))", "S", &f->host_names);
    if (f->has_is_isolated) sql_add(q, " and a.isolation = ?", "b", f->is_isolated);
    add_times(q, f);
    add_statuses(q, &f->statuses, now_ms);
    bool searches = add_searches(q, client_id, f);
    add_incidents(q, client_id, &f->related_incidents_ids);
    if (f->tenants_names.n)
        sql_add(
            q,
            " and a.tenant_id = any(array(select t.tenant_id from tenants t where t.client_id = ? and"
            " case t.tenant_id when '-' then '-' else lower(t.tenant_name) end in (select lower(n) from unnest(?) n)))",
            "sS", client_id, &f->tenants_names);
    if (f->tags.n) sql_add(q, " and a.tags && ?", "S", &f->tags);
    return searches;
}
