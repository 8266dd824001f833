#include <string.h>

#include "api/project.h"
#include "assets/filter.h"
#include "base/clock.h"

static const struct order {
    const char *sort, *column, *direction;
} orders[] = {
    {"host_name:asc", "host_name_folded", ""}, {"host_name:desc", "host_name_folded", " desc"},
    {"first_seen:asc", "first_seen", ""},      {"first_seen:desc", "first_seen", " desc"},
    {"last_seen:asc", "last_seen", ""},        {"last_seen:desc", "last_seen", " desc"},
};

static const struct order *order_of(const char *sort) {
    for (size_t i = 0; sort && i < sizeof orders / sizeof *orders; i++)
        if (!strcmp(orders[i].sort, sort)) return &orders[i];
    return &orders[0];
}

static void add_parts(struct sql *q, const char *const *parts) {
    for (; *parts; parts++) sql_add(q, *parts, "");
}

static void add_order(struct sql *q, const char *table, const struct order *o) {
    add_parts(q, (const char *const[]){" order by ", table, o->column, o->direction, ", ", table, "asset_id",
                                       o->direction, NULL});
}

/* The page is found by the sort's index alone; only its own rows are then fetched and rendered. */
static enum err read_page(struct request *r, const struct assets_list_args *args, struct rows *rows) {
    int64_t now = now_ms();
    const struct order *order = order_of(args->sort);
    scope_sql struct sql q;
    sql_init(&q);
    q.plan_for_values = true; /* a plan for any limit would sort all assets for a page of ten */
    sql_add(&q, "select asset_body(b, t.tenant_name, ?, d.offline_after_days)", "i", now);
    add_parts(&q, (const char *const[]){" from (select a.asset_id, a.", order->column, " from (select a.asset_id, a.",
                                        order->column, NULL});
    bool searches = assets_filter_add(&q, r->client_id, &args->filter, now);
    sql_add(&q, searches ? " offset 0) a" : ") a", "");
    add_order(&q, "a.", order);
    sql_add(&q,
            " limit ? offset ?) p join assets b on b.client_id = ? and b.asset_id = p.asset_id"
            " join tenants t on t.client_id = b.client_id and t.tenant_id = b.tenant_id"
            " join clients d on d.client_id = b.client_id",
            "iis", args->page_size, (args->page - 1) * args->page_size, r->client_id);
    add_order(&q, "p.", order);
    return db_read_sql(&r->scope, rows, &q);
}

enum err assets_list(struct request *r, const struct assets_list_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(read_page(r, args, &rows));
    struct projection how = {.fields = &args->fields};
    buf_addc(&out->body, '[');
    for (int i = 0; i < rows.n; i++) project(&out->body, rows_slice(&rows, i, 0), &how);
    buf_addc(&out->body, ']');
    return OK;
}
