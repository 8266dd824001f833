#include "api/project.h"
#include "base/clock.h"
#include "build/gen/operations.h"

/* An asset that lists hide because it is absent is still found by its id: incidents name it. */
enum err assets_details(struct request *r, const struct assets_details_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows,
                "select asset_body(a, t.tenant_name, $3, c.offline_after_days)"
                "  from assets a"
                "  join tenants t on t.client_id = a.client_id and t.tenant_id = a.tenant_id"
                "  join clients c on c.client_id = a.client_id"
                " where a.client_id = $1 and a.asset_id = $2",
                "ssi", r->client_id, args->asset_id, now_ms()));
    if (!rows.n) return fail_not_found(r);
    project(&out->body, rows_slice(&rows, 0, 0), &(struct projection){.fields = &args->fields});
    return OK;
}
