#include "assets/find.h"

#include <strings.h>

#define FIND_SQL                                                                                                       \
    "select k.n, a.host_name, a.tenant_id, t.tenant_name, a.os_version,"    \
    "       a.device_kind, a.installed_product_info, a.isolation, array_to_string(a.tags, chr(31))"                    \
    "  from unnest($2) with ordinality as k(asset_id, n)"                                                              \
    "  join assets a on a.client_id = $1 and a.asset_id = k.asset_id"                                                  \
    "  join tenants t on t.client_id = a.client_id and t.tenant_id = a.tenant_id"                                      \
    " order by a.asset_id, k.n"

static void take_tags(struct request *r, const char *joined, struct asset_brief *b) {
    b->tags = strings_split(r->arena, joined, '\x1f');
    for (size_t i = 0; i < b->tags.n; i++) b->critical = b->critical || !strcasecmp(b->tags.v[i], "critical");
}

static void take_row(struct request *r, const struct rows *rows, int i, struct asset_brief *b) {
    b->found = true;
    b->host_name = arena_strdup(r->arena, rows_text(rows, i, 1));
    b->tenant_id = arena_strdup(r->arena, rows_text(rows, i, 2));
    b->tenant_name = arena_strdup(r->arena, rows_text(rows, i, 3));
    b->os_version = arena_strdup(r->arena, rows_text(rows, i, 4));
    b->device_kind = arena_strdup(r->arena, rows_text(rows, i, 5));
    b->installed_product_info = arena_strdup(r->arena, rows_text(rows, i, 6));
    b->isolation = rows_bool(rows, i, 7);
    take_tags(r, rows_text(rows, i, 8), b);
}

static struct asset_brief *briefs_of(struct request *r, const struct strings *ids, const struct rows *rows) {
    struct asset_brief *briefs = arena_alloc(r->arena, (ids->n + 1) * sizeof *briefs);
    for (size_t i = 0; i < ids->n; i++)
        briefs[i] = (struct asset_brief){.asset_id = ids->v[i],
                                         .host_name = "",
                                         .tenant_id = "",
                                         .tenant_name = "",
                                         .os_version = "",
                                         .device_kind = "",
                                         .installed_product_info = ""};
    for (int i = 0; i < rows->n; i++) take_row(r, rows, i, &briefs[rows_int(rows, i, 0) - 1]);
    return briefs;
}

enum err assets_find(struct request *r, const struct db_scope *scope, const struct strings *asset_ids,
                     struct asset_brief **found) {
    scope_rows struct rows rows = {0};
    TRY(db_read(scope, &rows, FIND_SQL, "sS", scope->client_id, asset_ids));
    *found = briefs_of(r, asset_ids, &rows);
    return OK;
}

enum err assets_find_tx(struct request *r, struct tx *tx, const struct strings *asset_ids, bool lock,
                        struct asset_brief **found) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, lock ? FIND_SQL " for share of a" : FIND_SQL, "sS", tx->scope.client_id, asset_ids));
    *found = briefs_of(r, asset_ids, &rows);
    return OK;
}

enum err assets_find_total(const struct db_scope *scope, const char *tenant_id, int64_t *total) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q, "select count(*) from assets where client_id = ?", "s", scope->client_id);
    if (tenant_id) sql_add(&q, " and tenant_id = ?", "s", tenant_id);
    TRY(db_read_sql(scope, &rows, &q));
    *total = rows_int(&rows, 0, 0);
    return OK;
}
