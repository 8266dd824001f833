#include <string.h>

#include "api/project.h"
#include "assets/filter.h"
#include "base/clock.h"

static const struct {
    const char *sort, *order, *outer;
} orders[] = {
    {"host_name:asc", "a.host_name_folded, a.asset_id", "p.host_name_folded, p.asset_id"},
    {"host_name:desc", "a.host_name_folded desc, a.asset_id desc", "p.host_name_folded desc, p.asset_id desc"},
    {"first_seen:asc", "a.first_seen, a.asset_id", "p.first_seen, p.asset_id"},
    {"first_seen:desc", "a.first_seen desc, a.asset_id desc", "p.first_seen desc, p.asset_id desc"},
    {"last_seen:asc", "a.last_seen, a.asset_id", "p.last_seen, p.asset_id"},
    {"last_seen:desc", "a.last_seen desc, a.asset_id desc", "p.last_seen desc, p.asset_id desc"},
};

static size_t order_of(const char *sort) {
    for (size_t i = 0; sort && i < sizeof orders / sizeof *orders; i++)
        if (!strcmp(orders[i].sort, sort)) return i;
    return 0;
}

/* The page is found by the sort's index alone; only its own rows are then fetched and rendered. */
static enum err read_page(struct request *r, const struct assets_list_args *args, struct rows *rows) {
    int64_t now = now_ms();
    size_t order = order_of(args->sort);
    static const char *const columns[] = {"a.host_name_folded", "a.first_seen", "a.last_seen"};
    scope_sql struct sql q;
    sql_init(&q);
    q.plan_for_values = true; /* a plan for any limit would sort all assets for a page of ten */
    sql_add(&q, "select asset_body(b, case b.tenant_id when '-' then '' else t.tenant_name end, ?, d.offline_after_days)"
                " from (select a.asset_id, ", "i", now);
    sql_add(&q, columns[order / 2], "");
    assets_filter_add(&q, r->client_id, &args->filter, now);
    sql_add(&q, " order by ", "");
    sql_add(&q, orders[order].order, "");
    sql_add(&q, " limit ? offset ?) p join assets b on b.client_id = ? and b.asset_id = p.asset_id"
                " join tenants t on t.client_id = b.client_id and t.tenant_id = b.tenant_id"
                " join clients d on d.client_id = b.client_id order by ", "iis",
            args->page_size, (args->page - 1) * args->page_size, r->client_id);
    sql_add(&q, orders[order].outer, "");
    return db_read_sql(&r->scope, rows, &q);
}

enum err assets_list(struct request *r, const struct assets_list_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(read_page(r, args, &rows));
    struct projection how = {.fields = &args->fields};
    buf_addc(&out->body, '[');
    for (int i = 0; i < rows.n; i++) project(&out->body, (struct slice){rows_text(&rows, i, 0), rows_len(&rows, i, 0)}, &how);
    buf_addc(&out->body, ']');
    return OK;
}
