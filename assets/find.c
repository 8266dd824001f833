#include "assets/find.h"

static struct asset_brief *briefs_of(struct request *r, const struct strings *ids, const struct rows *rows) {
    struct asset_brief *briefs = arena_alloc(r->arena, (ids->n + 1) * sizeof *briefs);
    for (size_t i = 0; i < ids->n; i++)
        briefs[i] = (struct asset_brief){.asset_id = ids->v[i], .tenant_id = "", .os_version = "", .isolated_by = ""};
    for (int i = 0; i < rows->n; i++) {
        struct asset_brief *b = &briefs[rows_int(rows, i, 0) - 1];
        b->found = true;
        b->tenant_id = arena_strdup(r->arena, rows_text(rows, i, 1));
        b->os_version = arena_strdup(r->arena, rows_text(rows, i, 2));
        b->critical = rows_bool(rows, i, 3);
        b->isolated_by = arena_strdup(r->arena, rows_text(rows, i, 4));
    }
    return briefs;
}

enum err assets_find(struct request *r, struct tx *tx, const struct strings *asset_ids, struct asset_brief **found) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select k.n, a.tenant_id, a.os_version,"
               "       exists (select from unnest(a.tags) tag where lower(tag) = 'critical'), a.isolated_by"
               "  from unnest($2) with ordinality as k(asset_id, n)"
               "  join assets a on a.client_id = $1 and a.asset_id = k.asset_id"
               " order by a.asset_id, k.n for share of a",
               "sS", tx->scope.client_id, asset_ids));
    *found = briefs_of(r, asset_ids, &rows);
    return OK;
}
