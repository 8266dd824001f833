#include "responses/support.h"

#include "responses/systems.h"

/* Of each connector only what it declared about the type, once for all assets. */
static enum err find_declared(struct request *r, struct tx *tx, const struct response_type *type,
                              const char *incident_tenant, const struct strings *asset_ids,
                              const struct strings *tenants, const struct strings *systems, struct rows *out) {
    return tx_run(tx, out,
                  "with able as materialized ("
                  "    select s.all_tenants, s.tenants, c from sessions s, jsonb_array_elements(s.capabilities) c"
                  "     where s.client_id = $1 and s.revoked_at = 0 and c ->> 'type' = $2"
                  ")"
                  "select exists (select from able"
                  "                where (able.all_tenants or able.tenants @> array[$3, k.tenant_id])"
                  "                  and capability_covers(able.c, $2, k.system, k.asset_id))"
                  "  from unnest($4, $5, $6) with ordinality k (asset_id, tenant_id, system, n) order by k.n",
                  "sssSSS", r->client_id, type->type, incident_tenant, asset_ids, tenants, systems);
}

enum err support_find(struct request *r, struct tx *tx, const struct response_type *type, const char *incident_tenant,
                      const struct asset_brief *assets, size_t n, struct strings *out) {
    struct strings ids = strings_new(r->arena, n), tenants = strings_new(r->arena, n);
    scope_rows struct rows rows = {0};
    bool by_table = true;
    *out = strings_new(r->arena, n);
    for (size_t i = 0; i < n; i++) {
        unsigned system = systems_of(assets[i].os_version);
        ids.v[ids.n++] = assets[i].asset_id;
        tenants.v[tenants.n++] = assets[i].tenant_id;
        out->v[out->n++] = system & type->systems ? "" : system_name(system);
        by_table = by_table && !*out->v[i];
    }
    if (by_table) return OK;
    TRY(find_declared(r, tx, type, incident_tenant, &ids, &tenants, out, &rows));
    for (size_t i = 0; i < n; i++)
        if (*out->v[i] && !rows_bool(&rows, (int)i, 0)) out->v[i] = NULL;
    return OK;
}
