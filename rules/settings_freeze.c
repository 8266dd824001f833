#include <string.h>

#include "auth/tenant_choice.h"
#include "auth/write.h"
#include "build/gen/operations.h"
#include "rules/book.h"
#include "rules/change.h"
#include "rules/counters.h"

/* ---- get ---- */

/* there: row i tells of it; else it is not frozen. */
static void add_freeze(struct buf *out, const struct rows *rows, int i, bool there) {
    json_kstr(out, "reason", there ? rows_text(rows, i, 1) : "");
    json_kstr(out, "frozen_by", there ? rows_text(rows, i, 2) : "");
    json_kint(out, "frozen_at", there ? rows_int(rows, i, 3) : 0);
}

/* rows: that of the whole client first. */
static void add_state(struct buf *out, const struct rows *rows) {
    bool all = rows->n && !strcmp(rows_text(rows, 0, 0), "*");
    json_open(out, '{');
    json_kbool(out, "frozen", all);
    add_freeze(out, rows, 0, all);
    json_key(out, "tenants");
    json_open(out, '[');
    for (int i = all; i < rows->n; i++) {
        json_open(out, '{');
        json_kstr(out, "tenant_id", rows_text(rows, i, 0));
        add_freeze(out, rows, i, true);
        json_close(out, '}');
    }
    json_close(out, ']');
    json_close(out, '}');
}

static enum err read_state(struct request *r, struct tx *tx, struct rows *out) {
    return tx_run(
        tx, out,
        "select frozen_tenant, reason, frozen_by, frozen_at from freezes f where client_id = $1"
        "   and ($2 or frozen_tenant = '*' or frozen_tenant = any($3)) order by frozen_tenant <> '*', frozen_tenant",
        "sbS", r->client_id, (int)r->who.all_tenants, &r->who.tenants);
}

enum err settings_freeze_get(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    scope_rows struct rows rows = {0};
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    TRY(read_state(r, &tx, &rows));
    add_state(&out->body, &rows);
    return OK;
}

/* ---- set ---- */

/* Stopping is everybody's who acts here; the SOC does not let go what the customer may have stopped. */
static enum err check_freeze(struct request *r, const struct settings_freeze_args *args) {
    if (!args->frozen && r->who.role == ROLE_SOC_ANALYST)
        return fail(r, ERR_FORBIDDEN, "The SOC may freeze; only the customer ends a freeze.");
    if (!args->tenants.n && !r->who.all_tenants)
        return fail(r, ERR_FORBIDDEN, "The token is limited to some tenants; name them.");
    for (size_t i = 0; i < args->tenants.n && !r->who.all_tenants; i++)
        if (!strings_have(&r->who.tenants, args->tenants.v[i]))
            return fail_at(r, arena_printf(r->arena, "/tenants/%zu", i), "No such tenant.");
    return OK;
}

/* A row of the ledger for each tenant, so that a token of some tenants writes and sees its own; the whole client's belongs to the root. */
#define SQL_RECORD                                                                                                     \
    "select ledger_append(c.stamp, case c.id when '*' then '-' else c.id end, '', 'setting', 'freeze', 'update', $4, " \
    "$6,"                                                                                                              \
    "         row_to_json((select s from (select c.id as tenant_id, c.frozen, c.reason, c.frozen_by, c.frozen_at) "    \
    "s))::text)"

static enum err freeze(struct request *r, struct tx *tx, const struct strings *tenants, const char *reason,
                       int64_t first) {
    return tx_run(tx, NULL,
                  "with f as ("
                  "    insert into freezes (client_id, frozen_tenant, reason, frozen_by, frozen_at)"
                  "    select $1, u.id, $3, $4, $5 + u.n - 1 from unnest($2) with ordinality u (id, n)"
                  "        on conflict (client_id, frozen_tenant) do update set reason = excluded.reason,"
                  "           frozen_by = excluded.frozen_by"
                  "    returning frozen_tenant as id, reason, frozen_by, frozen_at)" SQL_RECORD
                  "  from (select f.*, true as frozen, $5 + u.n - 1 as stamp"
                  "          from f join unnest($2) with ordinality u (id, n) on u.id = f.id order by u.n) c",
                  "sSssis", r->client_id, tenants, reason, r->who.name, first, r->who.session_id);
}

static enum err unfreeze(struct request *r, struct tx *tx, const struct strings *tenants, const char *reason,
                         int64_t first) {
    return tx_run(tx, NULL,
                  "with f as (delete from freezes where client_id = $1 and frozen_tenant = any($2)"
                  "           returning frozen_tenant as id)" SQL_RECORD
                  "  from (select f.id, false as frozen, $3 as reason, '' as frozen_by, 0 as frozen_at,"
                  "               $5 + u.n - 1 as stamp"
                  "          from f join unnest($2) with ordinality u (id, n) on u.id = f.id order by u.n) c",
                  "sSssis", r->client_id, tenants, reason, r->who.name, first, r->who.session_id);
}

/* The client is locked by all those, too, who accept automatically, hand out or let start: what they do is before this freeze or
 * sees it. */
enum err settings_freeze(struct request *r, const struct settings_freeze_args *args, struct reply *out) {
    const char *all = "*";
    struct strings client = {.n = 1, .v = &all}, named = strings_unique(r->arena, &args->tenants);
    const struct strings *tenants = named.n ? &named : &client;
    int64_t first = 0;
    scope_tx struct tx tx = {0};
    scope_rows struct rows state = {0};
    TRY(check_freeze(r, args));
    TRY(write_begin(r, &tx));
    TRY(write_lock_client(r, &tx));
    TRY(tenants_check(r, &tx, "/tenants", &args->tenants));
    TRY(write_clock(&tx, (int)tenants->n, &first));
    TRY(args->frozen ? freeze(r, &tx, tenants, args->reason, first) : unfreeze(r, &tx, tenants, args->reason, first));
    TRY(read_state(r, &tx, &state));
    add_state(&out->body, &state);
    TRY(write_commit(r, &tx, first + (int64_t)tenants->n - 1, out));
    rules_count_freeze(args->frozen);
    return OK;
}
