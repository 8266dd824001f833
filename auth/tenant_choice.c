#include "auth/tenant_choice.h"

#include <string.h>

#include "auth/pair.h"
#include "build/gen/operations.h"

static bool has_row(const struct rows *rows, const char *id) {
    for (int i = 0; i < rows->n; i++)
        if (!strcmp(rows_text(rows, i, 0), id)) return true;
    return false;
}

static enum err check_each(struct request *r, const struct strings *asked, const struct rows *known) {
    enum err e = OK;
    for (size_t i = 0; i < asked->n; i++) {
        bool seen = r->who.all_tenants || strings_have(&r->who.tenants, asked->v[i]);
        if (seen && has_row(known, asked->v[i])) continue;
        e = fail_at(r, arena_printf(r->arena, "/tenants/%zu/tenant_id", i), "There is no such tenant.");
    }
    return e;
}

enum err tenants_choose(struct request *r, const struct tenant_ref *refs, size_t n, struct tenant_choice *out) {
    *out = (struct tenant_choice){.all = n == 0};
    if (!n && r->who.all_tenants) return OK;
    if (!n) return fail_at(r, "/tenants", "Name the tenants: this token does not see all of them.");
    struct strings asked = strings_new(r->arena, n);
    for (; asked.n < n; asked.n++) asked.v[asked.n] = refs[asked.n].tenant_id;
    struct db_scope scope = client_scope(r->client_id);
    scope_rows struct rows known = {0};
    TRY(db_read(&scope, &known, "select tenant_id from tenants where client_id = $1 and tenant_id = any($2)", "sS",
                r->client_id, &asked));
    TRY(check_each(r, &asked, &known));
    out->ids = strings_unique(r->arena, &asked);
    if (token_holds(&out->ids)) return OK;
    return fail_at(r, "/tenants", "These are more tenants than a token has room for.");
}

enum err tenants_check(struct request *r, struct tx *tx, const char *pointer, const struct strings *tenants) {
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
