#include "assets/input.h"

#include <stdlib.h>
#include <string.h>

static void add_text(struct buf *out, const char *key, const char *value) {
    if (value) json_kstr(out, key, value);
}

static const char *or_empty(const char *text) { return text ? text : ""; }

static void add_home(struct buf *out, const struct asset_input *a) {
    if (a->tenant_id) json_kstr(out, "home_id", *a->tenant_id ? a->tenant_id : "-");
    if (!a->tenant_name) return;
    bool root = !*a->tenant_name || !strcmp(a->tenant_name, "-");
    json_kstr(out, "home_name", root ? "-" : a->tenant_name);
}

static void add_interfaces(struct buf *out, const struct asset_input *a) {
    if (!a->network_interfaces) return;
    json_key(out, "network_interfaces");
    json_open(out, '[');
    for (size_t i = 0; i < a->network_interfaces_n; i++) {
        const struct network_interface *f = &a->network_interfaces[i];
        json_open(out, '{');
        json_kstr(out, "dsc", or_empty(f->dsc));
        json_kstr(out, "dnsd", or_empty(f->dnsd));
        json_kstr(out, "defg", or_empty(f->defg));
        json_kstr(out, "mac", or_empty(f->mac));
        json_kstr(out, "ipcm", or_empty(f->ipcm));
        json_kstr(out, "ip", or_empty(f->ip));
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void add_components(struct buf *out, const struct asset_input *a) {
    if (!a->components) return;
    json_key(out, "components");
    json_open(out, '[');
    for (size_t i = 0; i < a->components_n; i++) {
        json_open(out, '{');
        json_kstr(out, "name", a->components[i].name);
        json_kbool(out, "key", a->components[i].key);
        json_kstr(out, "state", a->components[i].state);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void add_problems(struct buf *out, const struct asset_input *a) {
    if (!a->problems) return;
    json_key(out, "problems");
    json_open(out, '[');
    for (size_t i = 0; i < a->problems_n; i++) {
        const struct asset_problem *p = &a->problems[i];
        json_open(out, '{');
        json_kstr(out, "issue", p->issue);
        json_kstr(out, "component", or_empty(p->component));
        if (p->has_since) json_kint(out, "since", p->since);
        json_kbool(out, "critical", p->critical);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void add_tags(struct buf *out, const struct asset_input *a) {
    if (!a->tags.v) return;
    json_key(out, "tags");
    json_strings(out, &a->tags);
}

static void add_product_map(struct buf *out, const struct asset_input *a) {
    if (!a->product_map) return;
    char *text = json_dumps(a->product_map, JSON_COMPACT);
    json_kraw(out, "product_map", text ? text : "{}");
    free(text);
}

static void add_asset(struct buf *out, const struct asset_input *a, size_t n) {
    json_open(out, '{');
    json_kint(out, "n", (int64_t)n);
    json_kstr(out, "asset_id", a->asset_id);
    add_text(out, "host_name", a->host_name);
    add_text(out, "domain", a->domain);
    if (a->has_first_seen) json_kint(out, "first_seen", a->first_seen);
    if (a->has_last_seen) json_kint(out, "last_seen", a->last_seen);
    add_text(out, "os_version", a->os_version);
    add_text(out, "installed_product_info", a->installed_product_info);
    add_product_map(out, a);
    add_text(out, "ksc_host_id", a->ksc_host_id);
    add_home(out, a);
    if (a->has_isolation) json_kbool(out, "isolation", a->isolation);
    add_text(out, "isolation_task_id", a->isolation_task_id);
    add_interfaces(out, a);
    add_tags(out, a);
    add_text(out, "group_name", a->group_name);
    add_text(out, "policy_name", a->policy_name);
    add_text(out, "device_kind", a->device_kind);
    add_components(out, a);
    if (a->has_databases_time) json_kint(out, "databases_time", a->databases_time);
    add_problems(out, a);
    json_close(out, '}');
}

void assets_input_json(struct buf *out, const struct asset_input *assets, size_t n) {
    json_open(out, '[');
    for (size_t i = 0; i < n; i++) add_asset(out, &assets[i], i);
    json_close(out, ']');
}

static int by_id_then_place(const void *x, const void *y) {
    const struct asset_input *a = *(const struct asset_input *const *)x, *b = *(const struct asset_input *const *)y;
    int order = strcmp(a->asset_id, b->asset_id);
    return order ? order : (a > b) - (a < b);
}

long assets_input_double(struct arena *a, const struct asset_input *assets, size_t n) {
    const struct asset_input **sorted = arena_alloc(a, (n + 1) * sizeof *sorted);
    for (size_t i = 0; i < n; i++) sorted[i] = &assets[i];
    qsort(sorted, n, sizeof *sorted, by_id_then_place);
    long found = -1;
    for (size_t i = 1; i < n; i++) {
        long place = sorted[i] - assets;
        if (!strcmp(sorted[i - 1]->asset_id, sorted[i]->asset_id) && (found < 0 || place < found)) found = place;
    }
    return found;
}
