#include "api/project.h"
#include "assets/filter.h"
#include "base/clock.h"
#include "base/pages.h"

enum { BODY_COLUMN, ID_COLUMN, VALUE_COLUMN, STAMP_COLUMN, NOTED_MAX = 200000 };

/* What a statement reads: what follows the last one given, or whatever was not given. */
enum part { FOLLOWING, NEVER_GIVEN };

/* A page being filled. */
struct page {
    struct request *r;
    const struct assets_list_args *args;
    int64_t now; /* decides for the whole page what is OFFLINE and ABSENT */
    int64_t left;
    struct walk *walk;
    struct buf *out;
};

static const struct order *order_of(const char *sort) {
    static const struct order orders[] = {
        {"host_name:asc", "host_name_folded", "asset_id", .text = true, .descending = false, .noted = NOTED_MAX},
        {"host_name:desc", "host_name_folded", "asset_id", .text = true, .descending = true, .noted = NOTED_MAX},
        {"first_seen:asc", "first_seen", "asset_id", .descending = false, .noted = NOTED_MAX},
        {"first_seen:desc", "first_seen", "asset_id", .descending = true, .noted = NOTED_MAX},
        {"last_seen:asc", "last_seen", "asset_id", .descending = false, .noted = NOTED_MAX},
        {"last_seen:desc", "last_seen", "asset_id", .descending = true, .noted = NOTED_MAX},
    };
    return order_named(orders, sizeof orders / sizeof *orders, sort);
}

/* The time is no part of a listing's name: its pages are read at different times. */
static struct walk walk_of(const struct request *r, const struct assets_list_args *args) {
    scope_sql struct sql name;
    sql_init(&name);
    assets_filter_add(&name, r->client_id, &args->filter, 0);
    return walk_begin(r->client_id, r->who.session_id, &name, order_of(args->sort), args->page, args->page_size);
}

static void add_parts(struct sql *q, const char *const *parts) {
    for (; *parts; parts++) sql_add(q, *parts, "");
}

/* Assets made since page 1 stay out: where they belong the reader may have passed. */
static void add_never_given(struct page *p, struct sql *q) {
    walk_add_not_given(p->walk, q, "a");
    sql_add(q,
            " and a.asset_id not in (select l.object_id from ledger l where l.client_id = ? and l.kind = 'asset'"
            " and l.changed_at > ? and l.operation = 'create')",
            "si", p->r->client_id, p->walk->at.snapshot);
}

/* The page is found by the sort's index alone; only its own rows are then fetched and rendered. */
static void add_page(struct page *p, struct sql *q, enum part part) {
    const struct order *order = p->walk->order;
    add_parts(q, (const char *const[]){" from (select a.asset_id, a.", order->column, " from (select a.asset_id, a.",
                                       order->column, NULL});
    bool searches = assets_filter_add(q, p->r->client_id, &p->args->filter, p->now);
    sql_add(q, searches ? " offset 0) a where true" : ") a where true", "");
    if (part == FOLLOWING) walk_add_behind(p->walk, q, "a");
    if (part == NEVER_GIVEN) add_never_given(p, q);
    order_add(order, q, "a");
    sql_add(q, " limit ? offset ?) p", "ii", p->left, p->walk->leap);
}

static enum err read_part(struct page *p, enum part part, struct rows *rows) {
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q, "select asset_body(b, t.tenant_name, ?, d.offline_after_days), p.asset_id, p.", "i", p->now);
    sql_add(&q, p->walk->order->column, "");
    sql_add(&q, ", (select stamp from clocks where client_id = ?)", "s", p->r->client_id);
    add_page(p, &q, part);
    sql_add(&q,
            " join assets b on b.client_id = ? and b.asset_id = p.asset_id"
            " join tenants t on t.client_id = b.client_id and t.tenant_id = b.tenant_id"
            " join clients d on d.client_id = b.client_id",
            "s", p->r->client_id);
    order_add(p->walk->order, &q, "p");
    q.plan_for_values = true; /* a plan for any limit would sort all assets for a page of ten */
    return db_read_sql(&p->r->scope, rows, &q);
}

/* Gives those of the rows that were not given before. */
static void take_rows(struct page *p, const struct rows *rows) {
    struct projection how = {.fields = &p->args->fields};
    struct strings ids = strings_new(p->r->arena, (size_t)rows->n);
    for (int i = 0; i < rows->n; i++) ids.v[ids.n++] = rows_text(rows, i, ID_COLUMN);
    const bool *given = given_find(p->walk->at.given, &ids, p->r->arena);
    for (int i = 0; i < rows->n; i++) {
        if (given[i]) continue;
        project(p->out, rows_slice(rows, i, BODY_COLUMN), &how);
        walk_note_given(p->walk, ids.v[i]);
        p->left--;
    }
}

static enum err take_following(struct page *p) {
    scope_rows struct rows rows = {0};
    TRY(read_part(p, FOLLOWING, &rows));
    take_rows(p, &rows);
    if (!rows.n) return OK;
    int last = rows.n - 1;
    if (!p->walk->at.begun) p->walk->at.snapshot = rows_int(&rows, last, STAMP_COLUMN);
    walk_note_last(p->walk, rows_int(&rows, last, VALUE_COLUMN), rows_text(&rows, last, VALUE_COLUMN),
                   rows_text(&rows, last, ID_COLUMN));
    return OK;
}

/* Where what follows did not fill the page: nothing is left but what moved past the reader, or what moved ahead of him was in
 * the way. While page 1 is read nothing moves. */
static enum err take_never_given(struct page *p) {
    scope_rows struct rows rows = {0};
    if (!p->left || p->walk->page == 1 || !p->walk->at.whole) return OK;
    TRY(read_part(p, NEVER_GIVEN, &rows));
    take_rows(p, &rows);
    return OK;
}

enum err assets_list(struct request *r, const struct assets_list_args *args, struct reply *out) {
    scope_walk struct walk walk = walk_of(r, args);
    struct page p = {.r = r, .args = args, .now = now_ms(), .left = args->page_size, .walk = &walk, .out = &out->body};
    json_open(&out->body, '[');
    TRY(take_following(&p));
    TRY(take_never_given(&p));
    if (!p.left || args->page > 1) walk_remember(&walk);
    json_close(&out->body, ']');
    return OK;
}
