#include "base/clock.h"
#include "build/gen/operations.h"

/* Row-level security leaves a limited token its own tenants. */
enum err tenants_list(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows,
                "select tenant_body(t, $2) from tenants t where t.client_id = $1 and t.tenant_id <> '-'"
                " order by lower(t.tenant_name), t.tenant_id",
                "si", r->client_id, now_ms()));
    buf_addc(&out->body, '[');
    for (int i = 0; i < rows.n; i++) {
        if (i) buf_addc(&out->body, ',');
        buf_add(&out->body, rows_text(&rows, i, 0), rows_len(&rows, i, 0));
    }
    buf_addc(&out->body, ']');
    return OK;
}
