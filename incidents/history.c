/* incidents/history: the ledger's records of incidents and what belongs to them, paged by kind. Source: contract A5 History. */
#include "api/list_writer.h"
#include "api/project.h"
#include "base/config.h"
#include "build/gen/operations.h"

static const char *const kinds[] = {"incident_details", "incident_comment", "incident_response", "incident_attachment"};

static void add_kind(struct request *r, struct sql *q, const struct incidents_history_args *a, const char *kind) {
    sql_add(q,
            "(select position, operation, changed_at, changed_by, kind, snapshot from ledger"
            " where client_id = ? and kind = ?",
            "ss", r->client_id, kind);
    if (a->incident_id) sql_add(q, " and incident_id = ?", "s", a->incident_id);
    if (a->has_min_record_time) sql_add(q, " and changed_at >= ?", "i", a->min_record_time);
    if (a->has_max_record_time) sql_add(q, " and changed_at <= ?", "i", a->max_record_time);
    if (a->ignore_self) sql_add(q, " and connection <> ?", "s", r->who.session_id);
    sql_add(q, a->incident_id ? " order by position" : " order by changed_at, position", "");
    sql_add(q, " limit ? offset ?)", "ii", a->entity_type_page_size, (a->page - 1) * a->entity_type_page_size);
}

static void add_record(struct buf *out, const struct rows *rows, int i) {
    struct projection p = {.public_url = config()->public_url, .reading.unread = true};
    json_open(out, '{');
    json_kstr(out, "operation", rows_text(rows, i, 1));
    json_kraw(out, "changed_at", rows_text(rows, i, 2));
    json_kstr(out, "changed_by", rows_text(rows, i, 3));
    json_key(out, "entity");
    json_open(out, '{');
    json_key(out, rows_text(rows, i, 4));
    project(out, rows_slice(rows, i, 5), &p);
    json_close(out, '}');
    json_close(out, '}');
}

/* An incident without records on this page is told from one that is not there. */
static enum err guard_exists(struct request *r, const char *incident_id) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows, "select 1 from incidents where client_id = $1 and incident_id = $2", "ss",
                r->client_id, incident_id));
    if (rows.n) return OK;
    return fail_not_found(r);
}

enum err incidents_history(struct request *r, const struct incidents_history_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (i) sql_add(&q, " union all ", "");
        add_kind(r, &q, args, kinds[i]);
    }
    sql_add(&q, " order by position", "");
    TRY(db_read_sql(&r->scope, &rows, &q));
    if (!rows.n && args->incident_id) TRY(guard_exists(r, args->incident_id));
    struct list_writer w;
    list_writer_init(&w, r, &incidents_history_columns, out);
    list_open(&w, &out->body);
    for (int i = 0; i < rows.n; i++) {
        add_record(list_item(&w, &out->body), &rows, i);
        list_item_end(&w, &out->body);
    }
    list_close(&w, &out->body);
    list_writer_free(&w);
    return OK;
}
