#include "incidents/change.h"

#include <string.h>

#include "incidents/mitre.h"
#include "incidents/show.h"

static int find_row(const struct rows *rows, const char *asset_id) {
    for (int i = 0; i < rows->n; i++)
        if (!strcmp(rows_text(rows, i, 0), asset_id)) return i;
    return -1;
}

static enum err take_host(struct request *r, const struct rows *rows, const char *ref, size_t at,
                          struct incident_hosts *out) {
    const char *asset_id = strrchr(ref, ':') + 1;
    int row = find_row(rows, asset_id);
    if (row < 0) return fail_at(r, arena_printf(r->arena, "/affected_hosts/%zu", at), "no such asset");
    if (strings_have(&out->asset_ids, asset_id)) return OK;
    const char *tenant = arena_strdup(r->arena, rows_text(rows, row, 2));
    if (!out->asset_ids.n) out->common_tenant = tenant;
    out->tenants.v[out->tenants.n++] = tenant;
    if (out->common_tenant && strcmp(out->common_tenant, tenant) != 0) out->common_tenant = NULL;
    out->asset_ids.v[out->asset_ids.n++] = asset_id;
    out->refs.v[out->refs.n++] = arena_printf(r->arena, "%s:%s", rows_text(rows, row, 1), asset_id);
    return OK;
}

enum err incident_hosts_find(struct request *r, const struct strings *given, struct incident_hosts *out) {
    scope_rows struct rows rows = {0};
    struct strings ids = strings_new(r->arena, given->n);
    for (; ids.n < given->n; ids.n++) ids.v[ids.n] = strrchr(given->v[ids.n], ':') + 1;
    *out = (struct incident_hosts){
        .refs = strings_new(r->arena, given->n),
        .asset_ids = strings_new(r->arena, given->n),
        .tenants = strings_new(r->arena, given->n),
    };
    if (!given->n) return OK;
    TRY(db_read(&r->scope, &rows,
                "select asset_id, host_name, tenant_id from assets where client_id = $1 and asset_id = any($2)", "sS",
                r->client_id, &ids));
    enum err e = OK;
    for (size_t i = 0; i < given->n; i++)
        if (take_host(r, &rows, given->v[i], i, out) != OK) e = ERR_INVALID;
    return e;
}

enum err incident_tenant_find(struct request *r, const char *given, const struct incident_hosts *hosts,
                              struct incident_tenant *out) {
    scope_rows struct rows rows = {0};
    const char *wanted = given ? (*given ? given : "-") : hosts->common_tenant ? hosts->common_tenant : "-";
    TRY(db_read(&r->scope, &rows,
                "select tenant_id, tenant_name from tenants where client_id = $1"
                " order by tenant_id <> $2, tenant_id <> '-', tenant_id limit 1",
                "ss", r->client_id, wanted));
    if (!rows.n || (given && strcmp(rows_text(&rows, 0, 0), wanted) != 0))
        return fail_at(r, "/tenant_id", "no such tenant");
    /* under the root an incident may span tenants; elsewhere its readers would see another tenant's host names */
    bool root = !strcmp(wanted, "-");
    for (size_t i = 0; given && !root && i < hosts->tenants.n; i++)
        if (strcmp(hosts->tenants.v[i], wanted) != 0 && strcmp(hosts->tenants.v[i], "-") != 0)
            return fail_at(r, "/affected_hosts", "a host of another tenant than the incident's");
    out->id = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    out->name = arena_strdup(r->arena, rows_text(&rows, 0, 1));
    return OK;
}

const char *iocs_json(struct arena *a, const struct ioc *iocs, size_t n) {
    scope_buf struct buf b;
    buf_init(&b, 1024 * 1024);
    buf_addc(&b, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(&b, '{');
        json_kstr(&b, "type", iocs[i].type);
        json_kstr(&b, "value", iocs[i].value);
        if (iocs[i].filename) json_kstr(&b, "filename", iocs[i].filename);
        if (iocs[i].description) json_kstr(&b, "description", iocs[i].description);
        json_close(&b, '}');
    }
    buf_addc(&b, ']');
    return arena_strdup(a, buf_text(&b));
}

enum err incident_keys_set(struct request *r, struct tx *tx, const char *incident_id, const char *kind,
                           const struct strings *keys) {
    return tx_run(tx, NULL,
                  "with gone as (delete from incident_keys where client_id = $1 and incident_id = $2 and kind = $3"
                  "               and key <> all($4))"
                  " insert into incident_keys (client_id, kind, key, incident_id)"
                  " select $1, $3, key, $2 from (select unnest($4) as key except select key from incident_keys"
                  "                               where client_id = $1 and incident_id = $2 and kind = $3) k"
                  " on conflict do nothing",
                  "sssS", r->client_id, incident_id, kind, keys);
}

enum err incident_keys_set_mitre(struct request *r, struct tx *tx, const char *incident_id, const char *kind,
                                 const struct strings *names) {
    struct strings keys = mitre_keys_of(r->arena, names);
    return incident_keys_set(r, tx, incident_id, kind, &keys);
}

void incident_reply_fresh(struct reply *out, const struct rows *rows, int row, bool html) {
    incident_show(&out->body, rows, row, &(struct projection){.html = html, .reading.unread = true});
}
