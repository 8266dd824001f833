#include <string.h>

#include "auth/tenant_choice.h"
#include "auth/write.h"
#include "build/gen/operations.h"

enum { SETTING_BYTES_MAX = 1024 * 1024 };

/* ---- get ---- */

static bool accepts_anything(const char *mode, size_t tenants) {
    return !strcmp(mode, "all") || (!strcmp(mode, "selected") && tenants);
}

/* tenants: JSON array of n ids. */
static void add_setting(struct buf *out, const char *mode, const char *tenants, size_t n) {
    json_open(out, '{');
    json_kbool(out, "auto_response", accepts_anything(mode, n));
    json_kstr(out, "mode", mode);
    json_kraw(out, "tenants", tenants);
    json_close(out, '}');
}

/* A token of some tenants sees those of the list that it has. */
enum err settings_auto_response_get(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    scope_rows struct rows rows = {0};
    TRY(db_read(
        &r->scope, &rows,
        "select c.auto_response_mode, coalesce(json_agg(t.tenant_id order by t.tenant_id)"
        "                                      filter (where t.tenant_id is not null), '[]'), count(t.tenant_id)"
        "  from clients c left join tenants t"
        "    on t.client_id = c.client_id and t.tenant_id = any(c.auto_response_tenants)"
        " where c.client_id = $1 group by c.client_id, c.auto_response_mode",
        "s", r->client_id));
    if (!rows.n) return fail_not_found(r);
    add_setting(&out->body, rows_text(&rows, 0, 0), rows_text(&rows, 0, 1), (size_t)rows_int(&rows, 0, 2));
    return OK;
}

/* ---- set ---- */

static enum err check_set(struct request *r, const struct settings_auto_response_set_args *a, const char **mode) {
    *mode = a->mode ? a->mode : a->auto_response ? "all" : "off";
    bool selected = !strcmp(*mode, "selected");
    if (!r->who.all_tenants)
        return fail(r, ERR_FORBIDDEN, "This setting concerns all tenants; the token is limited to some of them.");
    if (selected && !a->tenants.v) return fail_at(r, "/tenants", "Name the tenants that are selected.");
    if (!selected && a->tenants.n) return fail_at(r, "/tenants", "Tenants go with the mode selected.");
    if (a->has_auto_response && a->auto_response != accepts_anything(*mode, a->tenants.n))
        return fail_at(r, "/auto_response", "Does not agree with mode and tenants.");
    return OK;
}

/* No row where nothing changes: then there is nothing to record. */
static enum err change(struct request *r, struct tx *tx, const char *mode, const struct strings *tenants,
                       struct rows *out) {
    return tx_run(tx, out,
                  "update clients set auto_response_mode = $2, auto_response_tenants = s.list"
                  "  from (select coalesce(array_agg(distinct id order by id), '{}') as list from unnest($3) u (id)) s"
                  " where client_id = $1 and (auto_response_mode <> $2 or auto_response_tenants <> s.list)"
                  " returning to_json(auto_response_tenants), cardinality(auto_response_tenants)",
                  "ssS", r->client_id, mode, tenants);
}

static enum err record(struct request *r, struct tx *tx, const char *mode, const struct rows *changed, int64_t *stamp) {
    scope_buf struct buf snapshot;
    buf_init(&snapshot, SETTING_BYTES_MAX);
    add_setting(&snapshot, mode, rows_text(changed, 0, 0), (size_t)rows_int(changed, 0, 1));
    if (snapshot.failed) return fail(r, ERR_TOO_LARGE, "The list of tenants is too long.");
    TRY(write_clock(tx, 1, stamp));
    return tx_run(tx, NULL, "select ledger_append($1, '-', '', 'setting', 'auto_response', 'update', $2, $3, $4)",
                  "isss", *stamp, r->who.name, r->who.session_id, buf_text(&snapshot));
}

enum err settings_auto_response_set(struct request *r, const struct settings_auto_response_set_args *args,
                                    struct reply *out) {
    const char *mode = NULL;
    int64_t stamp = 0;
    TRY(check_set(r, args, &mode));
    scope_tx struct tx tx = {0};
    scope_rows struct rows changed = {0};
    TRY(write_begin(r, &tx));
    TRY(tenants_check(r, &tx, "/tenants", &args->tenants));
    TRY(change(r, &tx, mode, &args->tenants, &changed));
    if (changed.n) TRY(record(r, &tx, mode, &changed, &stamp));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, stamp, out);
}
