#include <string.h>

#include "api/project.h"
#include "build/gen/operations.h"
#include "responses/types.h"

/* Column and direction; the id settles ties. */
static const char *order_of(const char *sort) {
    static const struct {
        const char *sort, *order;
    } orders[] = {
        {"creation_time:asc", "p.creation_time, p.response_id"},
        {"creation_time:desc", "p.creation_time desc, p.response_id desc"},
        {"update_time:asc", "p.update_time, p.response_id"},
        {"update_time:desc", "p.update_time desc, p.response_id desc"},
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (!strcmp(orders[i].sort, sort)) return orders[i].order;
    return orders[0].order;
}

static void add_any(struct sql *q, const char *one, const char *many, const struct strings *list) {
    if (list->n == 1) sql_add(q, one, "s", list->v[0]);
    if (list->n > 1) sql_add(q, many, "S", list);
}

static struct strings types_meant(struct request *r, const struct strings *given) {
    struct strings types = {.n = given->n, .v = arena_alloc(r->arena, (given->n + 1) * sizeof(char *))};
    for (size_t i = 0; i < given->n; i++) types.v[i] = response_type_meant(given->v[i]);
    return types;
}

/* Without an incident it is the inbox: what waits for a decision, unless states are named. */
static void add_page(struct sql *q, struct request *r, const struct responses_list_args *a) {
    static const char *waiting[] = {"New"};
    struct strings inbox = {.n = 1, .v = waiting}, types = types_meant(r, &a->types);
    sql_add(q, "with page as (select response_id, incident_id, creation_time, update_time, body from responses p where client_id = ?", "s",
            r->client_id);
    if (a->incident_id) sql_add(q, " and incident_id = ?", "s", a->incident_id);
    add_any(q, " and status = ?", " and status = any(?)", a->incident_id || a->statuses.n ? &a->statuses : &inbox);
    add_any(q, " and type = ?", " and type = any(?)", &types);
    add_any(q, " and asset_id = ?", " and asset_id = any(?)", &a->asset_ids);
    sql_add(q, " order by ", "");
    sql_add(q, order_of(a->sort), "");
    sql_add(q, " limit ? offset ?)", "ii", a->page_size, (a->page - 1) * a->page_size);
}

static void add_inbox(struct sql *q, struct request *r, const char *order) {
    sql_add(q,
            " select p.body, coalesce(rd.responses_upto, 0) from page p"
            "   left join reads rd on rd.client_id = ? and rd.reader_id = ? and rd.incident_id = p.incident_id order by ",
            "ss", r->client_id, r->who.reader_id);
    sql_add(q, order, "");
}

/* Reading and marking as read in one snapshot: the rows show how it was before. */
static void add_of_incident(struct sql *q, struct request *r, const char *incident_id, const char *order) {
    sql_add(q,
            ", raised as ("
            "  insert into reads as r (client_id, reader_id, incident_id, responses_upto)"
            "  select ?, ?, incident_id, stamp from (select incident_id, max(creation_time) as stamp from page group by 1) n"
            "   where not exists (select from reads o where o.client_id = ? and o.reader_id = ? and o.incident_id = n.incident_id"
            "                                           and o.responses_upto >= n.stamp)"
            "  on conflict (client_id, reader_id, incident_id) do update"
            "     set responses_upto = greatest(r.responses_upto, excluded.responses_upto)"
            ") select p.body, coalesce(rd.responses_upto, 0) from incidents i"
            "   left join reads rd on rd.client_id = i.client_id and rd.reader_id = ? and rd.incident_id = i.incident_id"
            "   left join page p on true where i.client_id = ? and i.incident_id = ? order by ",
            "sssssss", r->client_id, r->who.reader_id, r->client_id, r->who.reader_id, r->who.reader_id, r->client_id, incident_id);
    sql_add(q, order, "");
}

static enum err read_page(struct request *r, const struct responses_list_args *a, struct rows *out) {
    const char *order = order_of(a->sort);
    scope_sql struct sql q;
    sql_init(&q);
    add_page(&q, r, a);
    if (a->incident_id)
        add_of_incident(&q, r, a->incident_id, order);
    else
        add_inbox(&q, r, order);
    return db_read_sql(&r->scope, out, &q);
}

enum err responses_list(struct request *r, const struct responses_list_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(read_page(r, args, &rows));
    if (args->incident_id && !rows.n) return fail(r, ERR_NOT_FOUND, "No such object, or not one that this token may see.");
    struct projection p = {.fields = &args->fields, .reading.reader_id = r->who.reader_id};
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n && !rows_null(&rows, i, 0); i++) {
        p.reading.responses_upto = rows_int(&rows, i, 1);
        project(&out->body, (struct slice){rows_text(&rows, i, 0), rows_len(&rows, i, 0)}, &p);
    }
    json_close(&out->body, ']');
    return OK;
}
