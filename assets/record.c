#include "assets/record.h"

enum err assets_record(struct request *r, struct tx *tx, const char *created, const char *changed, int64_t stamp) {
    return tx_run(
        tx, NULL,
        "select ledger_append($2, a.tenant_id, '', 'asset', a.asset_id, k.operation, $5, $6,"
        "         asset_body(a, case a.tenant_id when '-' then '' else t.tenant_name end, $2, c.offline_after_days))"
        "  from (select asset_id, operation, row_number() over (order by asset_id) as n"
        "          from (select unnest($3::text[]) as asset_id, 'create' as operation"
        "                union all select unnest($4::text[]), 'update') u) k"
        "  join assets a on a.client_id = $1 and a.asset_id = k.asset_id"
        "  join tenants t on t.client_id = a.client_id and t.tenant_id = a.tenant_id"
        "  join clients c on c.client_id = a.client_id"
        " order by k.n",
        "sissss", r->client_id, stamp, created, changed, r->who.name, r->who.session_id);
}
