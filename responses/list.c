#include <string.h>

#include "api/project.h"
#include "base/hash.h"
#include "base/pages.h"
#include "build/gen/operations.h"
#include "responses/types.h"

enum { TIME_COLUMN = 2, ID_COLUMN };

/* By which column, in which direction; the id settles ties. */
struct order {
    const char *sort, *time, *after, *by;
};

static const struct order *order_of(const char *sort) {
    static const struct order orders[] = {
        {"creation_time:asc", "p.creation_time", " and (p.creation_time, p.response_id) > (?, ?)",
         "p.creation_time, p.response_id"},
        {"creation_time:desc", "p.creation_time", " and (p.creation_time, p.response_id) < (?, ?)",
         "p.creation_time desc, p.response_id desc"},
        {"update_time:asc", "p.update_time", " and (p.update_time, p.response_id) > (?, ?)",
         "p.update_time, p.response_id"},
        {"update_time:desc", "p.update_time", " and (p.update_time, p.response_id) < (?, ?)",
         "p.update_time desc, p.response_id desc"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (!strcmp(orders[i].sort, sort)) return &orders[i];
    return &orders[0];
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

/* Names the listing: the same reader, filter, order and page size. */
static uint64_t listing_id(const struct request *r, const struct sql *q, const struct responses_list_args *a) {
    uint64_t h = hash_add_text(HASH_START, r->who.session_id);
    h = hash_add(h, buf_text(&q->text), q->text.len);
    h = hash_add(h, buf_text(&q->values), q->values.len);
    h = hash_add_text(h, a->sort);
    return hash_add(h, &a->page_size, sizeof a->page_size);
}

/* Where a decision takes a response out of the inbox, the next page still begins where the one before ended. */
static void add_page(struct sql *q, const struct responses_list_args *a, uint64_t listing) {
    const struct order *order = order_of(a->sort);
    struct position from = {0};
    bool known = a->page > 1 && pages_recall(listing, a->page, &from) && from.started;
    if (known) sql_add(q, order->after, "is", from.last_time, from.last_id);
    position_free(&from);
    sql_add(q, " order by ", "");
    sql_add(q, order->by, "");
    sql_add(q, " limit ? offset ?)", "ii", a->page_size, known ? (int64_t)0 : (a->page - 1) * a->page_size);
}

static void remember_end(const struct rows *rows, const struct responses_list_args *a, uint64_t listing) {
    struct position end = {0};
    if (!rows->n || rows_null(rows, rows->n - 1, 0)) return;
    position_note(&end, rows_int(rows, rows->n - 1, TIME_COLUMN), rows_text(rows, rows->n - 1, ID_COLUMN), 0, false);
    pages_remember(listing, a->page, &end);
    position_free(&end);
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

static void add_select(struct sql *q, struct request *r, const struct responses_list_args *a) {
    const struct order *order = order_of(a->sort);
    sql_add(q, " select p.body, coalesce(rd.responses_upto, 0), ", "");
    sql_add(q, order->time, "");
    sql_add(q, ", p.response_id from ", "");
    if (a->incident_id)
        sql_add(q, "incidents i left join page p on true", "");
    else
        sql_add(q, "page p", "");
    sql_add(q, " left join reads rd on rd.client_id = ? and rd.reader_id = ? and rd.incident_id = p.incident_id", "ss",
            r->client_id, r->who.reader_id);
    if (a->incident_id) sql_add(q, " where i.client_id = ? and i.incident_id = ?", "ss", r->client_id, a->incident_id);
    sql_add(q, " order by ", "");
    sql_add(q, order->by, "");
}

/* Of an unknown incident no row; of one without responses a row of nulls. */
static enum err read_page(struct request *r, const struct responses_list_args *a, struct rows *out) {
    scope_sql struct sql q;
    sql_init(&q);
    add_filter(&q, r, a);
    uint64_t listing = listing_id(r, &q, a);
    add_page(&q, a, listing);
    if (a->incident_id) add_mark(&q, r);
    add_select(&q, r, a);
    TRY(db_read_sql(&r->scope, out, &q));
    remember_end(out, a, listing);
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
