#include "auth/write.h"
#include "base/random.h"
#include "build/gen/operations.h"
#include "tenants/names.h"

/* The name's unique index decides, so that two calls at once cannot both have it. */
static enum err insert(struct request *r, struct tx *tx, const char *id, const struct tenants_create_args *args,
                       int64_t now) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "insert into tenants (client_id, tenant_id, tenant_name, description, asset_limit, expiration_time,"
               " creation_time) values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning 1",
               "ssssiii", r->client_id, id, args->tenant_name, args->description, args->asset_limit,
               args->expiration_time, now));
    if (!rows.n) return fail(r, ERR_CONFLICT, "A tenant of this name exists already.");
    return OK;
}

static enum err stamp_and_record(struct request *r, struct tx *tx, const char *id, int64_t *stamp, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(write_clock(tx, 1, stamp));
    TRY(tx_run(
        tx, &rows,
        "with t as (update tenants set creation_time = $3 where client_id = $1 and tenant_id = $2 returning tenants)"
        " select b.body, ledger_append($3, $2, '', 'tenant', $2, 'create', $4, $5, b.body)"
        "   from (select tenant_body(t.tenants, $3) as body from t) b",
        "ssiss", r->client_id, id, *stamp, r->who.name, r->who.session_id));
    buf_add(&out->body, rows_text(&rows, 0, 0), rows_len(&rows, 0, 0));
    return OK;
}

enum err tenants_create(struct request *r, const struct tenants_create_args *args, struct reply *out) {
    if (!r->who.all_tenants) return fail(r, ERR_FORBIDDEN, "Only a token of all tenants may create or delete tenants.");
    if (tenant_name_reserved(args->tenant_name)) return fail_at(r, "/tenant_name", "This name stands for the root.");
    char random[ID20_BYTES];
    random_id20(random);
    const char *id = arena_printf(r->arena, "t-%s", random);
    scope_tx struct tx tx = {0};
    int64_t stamp = 0;
    TRY(write_begin(r, &tx));
    TRY(insert(r, &tx, id, args, 0));
    TRY(stamp_and_record(r, &tx, id, &stamp, out));
    return write_commit(r, &tx, stamp, out);
}
