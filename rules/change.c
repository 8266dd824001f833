#include "rules/change.h"

#include "auth/write.h"

enum err rules_may_change(struct request *r) {
    if (r->who.all_tenants) return OK;
    return fail(r, ERR_FORBIDDEN, "Rules concern all tenants; the token is limited to some of them.");
}

enum err rules_check_tenants(struct request *r, struct tx *tx, const char *pointer, const struct strings *tenants) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "select u.n - 1 from unnest($2) with ordinality u (id, n)"
        " where not exists (select from tenants where client_id = $1 and tenant_id = u.id) order by u.n limit 20",
        "sS", r->client_id, tenants));
    for (int i = 0; i < rows.n; i++)
        fail_at(r, arena_printf(r->arena, "%s/%lld", pointer, (long long)rows_int(&rows, i, 0)), "No such tenant.");
    return rows.n ? ERR_INVALID : OK;
}

enum err rules_record(struct request *r, struct tx *tx, const char *object_id, const char *operation, int64_t stamp,
                      const char *snapshot) {
    return tx_run(tx, NULL, "select ledger_append($1, '-', '', 'auto_rule', $2, $3, $4, $5, $6)", "isssss", stamp,
                  object_id, operation, r->who.name, r->who.session_id, snapshot);
}
