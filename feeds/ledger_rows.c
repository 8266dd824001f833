#include "feeds/ledger_rows.h"

#include <string.h>

#include "api/project.h"
#include "base/config.h"

/* One statement looks at so many rows at most. Those of one incident have an index of their own and are few. */
enum { WINDOW_ROWS = 20000 };

enum {
    NEWEST,
    POSITION,
    CHANGED_AT,
    KIND,
    OBJECT_ID,
    INCIDENT_ID,
    TENANT_ID,
    OPERATION,
    CHANGED_BY,
    CONNECTION,
    SNAPSHOT
};

void ledger_page_free(struct ledger_page *p) { rows_free(&p->rows); }

/* Newest position and rows in one statement, so in one snapshot: positions are given in commit order, so every row up to the
 * newest is there. */
static void build(struct sql *q, const struct ledger_filter *f, int64_t after, int64_t limit) {
    sql_add(q,
            "select k.position, l.position, l.changed_at, l.kind, l.object_id, l.incident_id, l.tenant_id, l.operation,"
            " l.changed_by, l.connection, l.snapshot"
            " from clocks k left join lateral (select * from ledger w where w.client_id = ? and w.position > ?",
            "si", f->scope.client_id, after);
    if (f->incident_id)
        sql_add(q, " and w.incident_id = ?", "s", f->incident_id);
    else
        sql_add(q, " and w.position <= ?", "i", after + WINDOW_ROWS);
    sql_add_any(q, "w.kind", &f->kinds);
    if (f->ignore_self) sql_add(q, " and w.connection <> ?", "s", f->session_id);
    sql_add(q, " order by w.position limit ?) l on true where k.client_id = ? order by l.position", "is", limit,
            f->scope.client_id);
}

static int64_t looked_at(const struct ledger_page *p, const struct ledger_filter *f, int64_t after, int64_t limit) {
    if (p->n == limit) return ledger_row_position(p, p->n - 1);
    if (!f->incident_id && after + WINDOW_ROWS < p->newest) return after + WINDOW_ROWS;
    return p->newest > after ? p->newest : after;
}

enum err ledger_read(const struct ledger_filter *f, int64_t after, int64_t limit, struct ledger_page *out) {
    scope_sql struct sql q;
    sql_init(&q);
    *out = (struct ledger_page){.next = after};
    if (!f->kinds.n) return ledger_newest(f->scope.client_id, &out->newest);
    build(&q, f, after, limit);
    TRY(db_read_sql(&f->scope, &out->rows, &q));
    if (!out->rows.n) return OK;
    out->newest = rows_int(&out->rows, 0, NEWEST);
    out->n = rows_null(&out->rows, 0, POSITION) ? 0 : out->rows.n;
    out->next = looked_at(out, f, after, limit);
    return OK;
}

int64_t ledger_row_position(const struct ledger_page *p, int i) { return rows_int(&p->rows, i, POSITION); }

const char *ledger_row_kind(const struct ledger_page *p, int i) { return rows_text(&p->rows, i, KIND); }

size_t ledger_row_bytes(const struct ledger_page *p, int i) { return rows_len(&p->rows, i, SNAPSHOT); }

int64_t ledger_row_changed_at(const struct ledger_page *p, int i) { return rows_int(&p->rows, i, CHANGED_AT); }

const char *ledger_row_operation(const struct ledger_page *p, int i) { return rows_text(&p->rows, i, OPERATION); }

const char *ledger_row_incident_id(const struct ledger_page *p, int i) { return rows_text(&p->rows, i, INCIDENT_ID); }

void ledger_row_add(struct buf *out, const struct ledger_page *p, int i, const char *session_id) {
    const struct rows *rows = &p->rows;
    struct projection how = {.public_url = config()->public_url, .reading.unread = true};
    const char *tenant_id = rows_text(rows, i, TENANT_ID);
    json_open(out, '{');
    json_kraw(out, "position", rows_text(rows, i, POSITION));
    json_kraw(out, "changed_at", rows_text(rows, i, CHANGED_AT));
    json_kstr(out, "kind", rows_text(rows, i, KIND));
    json_kstr(out, "object_id", rows_text(rows, i, OBJECT_ID));
    json_kstr(out, "incident_id", rows_text(rows, i, INCIDENT_ID));
    json_kstr(out, "tenant_id", strcmp(tenant_id, "-") ? tenant_id : "");
    json_kstr(out, "operation", rows_text(rows, i, OPERATION));
    json_kstr(out, "changed_by", rows_text(rows, i, CHANGED_BY));
    json_kbool(out, "self", !strcmp(rows_text(rows, i, CONNECTION), session_id));
    json_key(out, "entity");
    json_open(out, '{');
    json_key(out, rows_text(rows, i, KIND));
    project(out, rows_slice(rows, i, SNAPSHOT), &how);
    json_close(out, '}');
    json_close(out, '}');
}

enum err ledger_newest(const char *client_id, int64_t *newest) {
    struct db_scope scope = client_scope(client_id);
    scope_rows struct rows rows = {0};
    TRY(db_read(&scope, &rows, "select position from clocks where client_id = $1", "s", client_id));
    *newest = rows.n ? rows_int(&rows, 0, 0) : 0;
    return OK;
}

enum err ledger_guard_incident(struct request *r, const char *incident_id) {
    if (!incident_id) return OK;
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows, "select 1 from incidents where client_id = $1 and incident_id = $2", "ss",
                r->client_id, incident_id));
    return rows.n ? OK : fail_not_found(r);
}
