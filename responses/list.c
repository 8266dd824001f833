#include "api/project.h"
#include "base/pages.h"
#include "build/gen/operations.h"
#include "responses/types.h"

enum { VALUE_COLUMN = 2, ID_COLUMN, STAMP_COLUMN, NOTED_MAX = 10000 };

static const struct order *order_of(const char *sort) {
    static const struct order orders[] = {
        {"creation_time:asc", "creation_time", "response_id", .descending = false},
        {"creation_time:desc", "creation_time", "response_id", .descending = true},
        {"update_time:asc", "update_time", "response_id", .descending = false, .noted = NOTED_MAX},
        {"update_time:desc", "update_time", "response_id", .descending = true, .noted = NOTED_MAX},
    };
    return order_named(orders, sizeof orders / sizeof *orders, sort);
}

/* Without an incident it is the inbox: what waits for a decision, unless states are named. */
static void add_filter(struct sql *q, struct request *r, const struct responses_list_args *a) {
    static const char *waiting[] = {"New"};
    struct strings inbox = {.n = 1, .v = waiting}, types = response_types_meant(r->arena, &a->types);
    sql_add(q,
            "with page as (select response_id, incident_id, creation_time, update_time, body from responses p where "
            "client_id = ?",
            "s", r->client_id);
    if (a->incident_id) sql_add(q, " and incident_id = ?", "s", a->incident_id);
    sql_add_any(q, "status", a->incident_id || a->statuses.n ? &a->statuses : &inbox);
    sql_add_any(q, "type", &types);
    sql_add_any(q, "asset_id", &a->asset_ids);
}

/* Behind the page before, or under update_time jumped over it since page 1: those come with this page. */
static void add_following(struct sql *q, const struct walk *walk) {
    const struct place *at = &walk->at;
    if (!walk->order->noted || !walk->order->descending || !at->begun) {
        walk_add_behind(walk, q, "p");
        return;
    }
    sql_add(q, " and ((p.update_time, p.response_id) < (?, ?) or p.update_time > ? and p.creation_time <= ?)", "isii",
            at->number, at->id, at->snapshot, at->snapshot);
}

/* Where a decision takes a response out of the inbox, the next page still begins where the one before ended. */
static void add_page(struct sql *q, const struct responses_list_args *a, const struct walk *walk) {
    add_following(q, walk);
    walk_add_not_given(walk, q, "p");
    order_add(walk->order, q, "p");
    sql_add(q, " limit ? offset ?)", "ii", a->page_size, walk->leap);
}

static void remember_end(const struct rows *rows, struct walk *walk) {
    int last = rows->n - 1;
    if (last < 0 || rows_null(rows, last, 0)) return;
    if (!walk->at.begun) walk->at.snapshot = rows_int(rows, last, STAMP_COLUMN);
    walk_note_last(walk, rows_int(rows, last, VALUE_COLUMN), NULL, rows_text(rows, last, ID_COLUMN));
    for (int i = 0; i < rows->n; i++) walk_note_given(walk, rows_text(rows, i, ID_COLUMN));
    walk_remember(walk);
}

/* Reading and marking as read in one snapshot: the rows show how it was before. */
static void add_mark(struct sql *q, struct request *r) {
    sql_add(q,
            ", raised as ("
            "  insert into reads as r (client_id, reader_id, incident_id, responses_upto)"
            "  select ?, ?, incident_id, stamp from (select incident_id, max(creation_time) as stamp from page group "
            "by 1) n"
            "   where not exists (select from reads o where o.client_id = ? and o.reader_id = ? and o.incident_id = "
            "n.incident_id"
            "                                           and o.responses_upto >= n.stamp)"
            "  on conflict (client_id, reader_id, incident_id) do update"
            "     set responses_upto = greatest(r.responses_upto, excluded.responses_upto))",
            "ssss", r->client_id, r->who.reader_id, r->client_id, r->who.reader_id);
}

static void add_select(struct sql *q, struct request *r, const struct responses_list_args *a,
                       const struct order *order) {
    sql_add(q, " select p.body, coalesce(rd.responses_upto, 0), p.", "");
    sql_add(q, order->column, "");
    sql_add(q, ", p.response_id, (select stamp from clocks where client_id = ?) from ", "s", r->client_id);
    if (a->incident_id)
        sql_add(q, "incidents i left join page p on true", "");
    else
        sql_add(q, "page p", "");
    sql_add(q, " left join reads rd on rd.client_id = ? and rd.reader_id = ? and rd.incident_id = p.incident_id", "ss",
            r->client_id, r->who.reader_id);
    if (a->incident_id) sql_add(q, " where i.client_id = ? and i.incident_id = ?", "ss", r->client_id, a->incident_id);
    order_add(order, q, "p");
}

/* Of an unknown incident no row; of one without responses a row of nulls. */
static enum err read_page(struct request *r, const struct responses_list_args *a, struct rows *out) {
    scope_sql struct sql q;
    sql_init(&q);
    add_filter(&q, r, a);
    scope_walk struct walk walk =
        walk_begin(r->client_id, r->who.session_id, &q, order_of(a->sort), a->page, a->page_size);
    add_page(&q, a, &walk);
    if (a->incident_id) add_mark(&q, r);
    add_select(&q, r, a, walk.order);
    TRY(db_read_sql(&r->scope, out, &q));
    remember_end(out, &walk);
    return OK;
}

enum err responses_list(struct request *r, const struct responses_list_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(read_page(r, args, &rows));
    if (args->incident_id && !rows.n) return fail_not_found(r);
    struct projection p = {.fields = &args->fields, .reading.reader_id = r->who.reader_id};
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n && !rows_null(&rows, i, 0); i++) {
        p.reading.responses_upto = rows_int(&rows, i, 1);
        project(&out->body, rows_slice(&rows, i, 0), &p);
    }
    json_close(&out->body, ']');
    return OK;
}
