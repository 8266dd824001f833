#include <string.h>

#include "assets/input.h"
#include "assets/isolation.h"
#include "assets/record.h"
#include "auth/write.h"
#include "base/clock.h"

enum { INPUT_BYTES_MAX = 4 * 1024 * 1024 };

/* $1: the reported assets (assets/input.h), $2: the client. homes: the tenants that they name, and the root. */
#define INPUT_SQL                                                                                                      \
    "with input as materialized (select * from json_to_recordset($1::json) as x("                                      \
    "  n integer, asset_id text, host_name text, domain text, first_seen bigint, last_seen bigint, os_version text,"   \
    "  installed_product_info text, product_map jsonb, ksc_host_id text, home_id text, home_name text,"                \
    "  isolation boolean, isolation_task_id text, network_interfaces json, tags text[], group_name text,"              \
    "  policy_name text, device_kind text, components jsonb, databases_time bigint, problems jsonb)),"                 \
    " homes as materialized (select t.tenant_id,"                                                                      \
    "    case t.tenant_id when '-' then '-' else lower(t.tenant_name) end as folded"                                   \
    "  from tenants t where t.client_id = $2 and (t.tenant_id = '-' or t.tenant_id in (select home_id from input)"     \
    "    or lower(t.tenant_name) in (select lower(home_name) from input)) order by t.tenant_id for key share)"

/* Locks what is stored of them, by id; gives what is wrong: place, name missing, tenant unknown, by its name. */
static const char check_sql[] = INPUT_SQL
    ", stored as materialized (select a.asset_id from assets a"
    "   where a.client_id = $2 and a.asset_id in (select asset_id from input) order by a.asset_id for no key update)"
    " select w.n, w.nameless, w.homeless, w.by_name from ("
    "   select x.n, s.asset_id is null and x.host_name is null as nameless, x.home_name is not null as by_name,"
    "          (s.asset_id is null or x.home_id is not null or x.home_name is not null) and not exists ("
    "            select from homes h where h.tenant_id = coalesce(x.home_id, case when x.home_name is null then '-'"
    "              else h.tenant_id end) and h.folded = coalesce(lower(x.home_name), h.folded)) as homeless"
    "     from input x left join stored s on s.asset_id = x.asset_id) w"
    " where w.nameless or w.homeless order by w.n";

static enum err check(struct request *r, struct tx *tx, const char *input) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, check_sql, "ss", input, r->client_id));
    enum err e = OK;
    for (int i = 0; i < rows.n; i++) {
        const char *at = rows_text(&rows, i, 0);
        if (rows_bool(&rows, i, 1))
            e = fail_at(r, arena_printf(r->arena, "/assets/%s/host_name", at), "A new asset needs a host_name.");
        if (rows_bool(&rows, i, 2))
            e = fail_at(r, arena_printf(r->arena, "/assets/%s/tenant_%s", at, rows_bool(&rows, i, 3) ? "name" : "id"),
                        "No such tenant, or not one that this token may see.");
    }
    return e;
}

#define REPORTED_COLUMNS                                                                                               \
    "tenant_id, host_name, domain, first_seen, os_version, installed_product_info, product_map, ksc_host_id,"          \
    " isolation, isolation_task_id, network_interfaces, tags, group_name, policy_name, device_kind, components,"       \
    " databases_time, problems"

/* json knows no equality, hence the texts. */
#define COMPARED(row)                                                                                                  \
    "row(" row ".tenant_id, " row ".host_name, " row ".domain, " row ".first_seen, " row ".os_version, " row           \
    ".installed_product_info, " row ".product_map, " row ".ksc_host_id, " row ".isolation, " row                       \
    ".isolation_task_id, " row ".network_interfaces::text, " row ".tags, " row ".group_name, " row                     \
    ".policy_name, " row ".device_kind, " row ".components, " row ".databases_time, " row ".problems)"

#define STORED_ROW COMPARED("a")
#define NEXT_ROW COMPARED("n")

/* $3: now. What a response isolated stays so until its release, whatever is reported. Gives the new ids as reported and as made, and the changed ids; heartbeats are written and not told. */
static const char apply_sql[] = INPUT_SQL
    ", next as materialized (select a.asset_id is null as fresh, x.asset_id,"
    "   coalesce(h.tenant_id, a.tenant_id) as tenant_id, coalesce(x.host_name, a.host_name) as host_name,"
    "   coalesce(x.domain, a.domain, '') as domain,"
    "   coalesce(x.first_seen, a.first_seen, x.last_seen, $3) as first_seen,"
    "   coalesce(x.last_seen, a.last_seen, $3) as last_seen, coalesce(x.os_version, a.os_version, '') as os_version,"
    "   coalesce(x.installed_product_info, a.installed_product_info, '') as installed_product_info,"
    "   coalesce(x.product_map, a.product_map, '{}') as product_map,"
    "   coalesce(x.ksc_host_id, a.ksc_host_id, '') as ksc_host_id,"
    "   case when a.isolated_by is not null then true else coalesce(x.isolation, a.isolation, false) end as isolation,"
    "   coalesce(x.isolation_task_id, a.isolation_task_id, '') as isolation_task_id,"
    "   coalesce(x.network_interfaces, a.network_interfaces, '[]') as network_interfaces,"
    "   case when a.isolated_by is not null and x.tags is not null"
    "        then array_remove(x.tags, '" ISOLATION_TAG "') || array['" ISOLATION_TAG "']"
    "        else coalesce(x.tags, a.tags, '{}') end as tags, coalesce(x.group_name, a.group_name, '') as group_name,"
    "   coalesce(x.policy_name, a.policy_name, '') as policy_name,"
    "   coalesce(x.device_kind, a.device_kind, 'physical') as device_kind,"
    "   coalesce(x.components, a.components, '[]') as components,"
    "   coalesce(x.databases_time, a.databases_time, 0) as databases_time,"
    "   coalesce(x.problems, a.problems, '[]') as problems"
    "  from input x left join assets a on a.client_id = $2 and a.asset_id = x.asset_id"
    "  left join homes h on (a.asset_id is null or x.home_id is not null or x.home_name is not null)"
    "    and h.tenant_id = coalesce(x.home_id, case when x.home_name is null then '-' else h.tenant_id end)"
    "    and h.folded = coalesce(lower(x.home_name), h.folded)),"
    " made as (insert into assets (client_id, asset_id, last_seen, " REPORTED_COLUMNS ")"
    "   select $2, asset_id, last_seen, " REPORTED_COLUMNS
    " from next where fresh on conflict do nothing returning asset_id),"
    " changed as (update assets a set last_seen = n.last_seen, (" REPORTED_COLUMNS ") = row("
    "     n.tenant_id, n.host_name, n.domain, n.first_seen, n.os_version, n.installed_product_info, n.product_map,"
    "     n.ksc_host_id, n.isolation, n.isolation_task_id, n.network_interfaces, n.tags, n.group_name, n.policy_name,"
    "     n.device_kind, n.components, n.databases_time, n.problems)"
    "   from next n where a.client_id = $2 and a.asset_id = n.asset_id and not n.fresh"
    "    and " STORED_ROW " is distinct from " NEXT_ROW " returning a.asset_id),"
    " seen as (update assets a set last_seen = n.last_seen from next n"
    "   where a.client_id = $2 and a.asset_id = n.asset_id and not n.fresh and a.last_seen <> n.last_seen"
    "    and " STORED_ROW " is not distinct from " NEXT_ROW " returning 1)"
    " select (select count(*) from next where fresh), (select count(*) from made),"
    " array(select asset_id from made),"
    "        (select count(*) from changed), array(select asset_id from changed),"
    " (select count(*) from seen)";

static enum err record(struct request *r, struct tx *tx, const struct rows *applied, int64_t *stamp) {
    if (!rows_int(applied, 0, 1) && !rows_int(applied, 0, 3)) return OK;
    TRY(write_clock(tx, 1, stamp));
    return assets_record(r, tx, rows_text(applied, 0, 2), rows_text(applied, 0, 4), *stamp);
}

enum err assets_upsert(struct request *r, const struct assets_upsert_args *args, struct reply *out) {
    long twice = assets_input_double(r->arena, args->assets, args->assets_n);
    if (twice >= 0)
        return fail_at(r, arena_printf(r->arena, "/assets/%ld/asset_id", twice),
                       "This asset stands here more than once.");
    scope_buf struct buf input;
    buf_init(&input, INPUT_BYTES_MAX);
    assets_input_json(&input, args->assets, args->assets_n);
    if (input.failed) return fail(r, ERR_TOO_LARGE, "These assets are too large for one call.");

    scope_tx struct tx tx = {0};
    scope_rows struct rows applied = {0};
    int64_t stamp = 0;
    TRY(write_begin(r, &tx));
    TRY(check(r, &tx, buf_text(&input)));
    TRY(tx_run(&tx, &applied, apply_sql, "ssi", buf_text(&input), r->client_id, now_ms()));
    int64_t created = rows_int(&applied, 0, 1);
    /* Somebody else made it meanwhile, or it lies in a tenant out of sight: which, is not told. */
    if (created != rows_int(&applied, 0, 0))
        return fail(r, ERR_CONFLICT, "An asset of this call cannot be written with this token now.");
    TRY(record(r, &tx, &applied, &stamp));
    json_open(&out->body, '{');
    json_kint(&out->body, "created", created);
    json_kint(&out->body, "updated", (int64_t)args->assets_n - created);
    json_close(&out->body, '}');
    return write_commit(r, &tx, stamp, out);
}
