#include "demo/copy.h"
#include "demo/session.h"

enum { SLICE_ROWS = 20000, EVENTS_BYTES = 8 * 1024 * 1024 };

/* Without fresh statistics a client's rows seem few, and any index that begins with the client as good as the right one. */
static const char settings[] =
    "analyze incidents (client_id, incident_id), comments (client_id, comment_id),"
    " attachments (client_id, attachment_id), responses (client_id, response_id);"
    "set plan_cache_mode = force_generic_plan;"
    "set enable_nestloop = on; set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off";

/* first_*: how the object looked when it was made. */
static const char helpers[] =
    "create temp table demo_events (n bigint, changed_at bigint, kind text, object_id text, operation text, "
    "changed_by text);"
    "create function pg_temp.first_incident(i incidents) returns text language plpgsql as $$ begin"
    "    i.status := 'Open'; i.resolution := ''; i.status_description := ''; i.update_time := i.creation_time; "
    "i.closed_at := 0;"
    "    i.comments_n := 0; i.attachments_n := 0; i.responses_n := 0; i.history_n := 1;"
    "    return incident_body(i); end $$;"
    "create function pg_temp.first_response(p responses) returns text language plpgsql as $$ begin"
    "    p.status := 'New'; p.comment := ''; p.update_time := p.creation_time;"
    "    p.decided_by := '{\"kind\":\"\",\"id\":\"\",\"name\":\"\",\"approvals\":[]}';"
    "    p.execution := '{\"state\":\"none\",\"connector\":\"\",\"attempts\":0,\"started_at\":0,\"finished_at\":0,"
    "\"message\":\"\",\"result\":{}}';"
    "    return response_body(p); end $$;"
    "create function pg_temp.chain_next(state bytea, head bytea, client_id text, \"position\" bigint, changed_at "
    "bigint,"
    "    tenant_id text, incident_id text, kind text, object_id text, operation text, changed_by text, connection text,"
    "    snapshot text) returns bytea language plpgsql as $$ begin"
    "    return ledger_hash(coalesce(state, head), client_id, \"position\", changed_at, tenant_id, incident_id, kind, "
    "object_id,"
    "                       operation, changed_by, connection, snapshot); end $$;"
    "create aggregate pg_temp.chain(bytea, text, bigint, bigint, text, text, text, text, text, text, text, text)"
    "    (sfunc = pg_temp.chain_next, stype = bytea)";

/* Of each event from n = $2 + 1 to $3 the object as it was then, at position $4 + n; the newest row of each object equals
 * its live body. A function, because planning takes a lock on every index of incidents, to the end of the transaction:
 * a plan that was kept does without, and the indexes can be built meanwhile. */
static const char append[] =
    "create function pg_temp.append(text, bigint, bigint, bigint) returns bigint language plpgsql as $$"
    " declare done bigint; begin "
    "with rows as ("
    "    select $4 + e.n as position, e.changed_at, o.tenant_id, o.incident_id, e.kind, e.object_id, e.operation, "
    "e.changed_by, "
    "o.snapshot"
    "      from demo_events e cross join lateral ("
    "        select i.tenant_id, i.incident_id, case when e.operation = 'create' and i.history_n > 1"
    "                                                then pg_temp.first_incident(i) else i.body end as snapshot"
    "          from incidents i where e.kind = 'incident_details' and i.client_id = $1 and i.incident_id = e.object_id"
    "        union all"
    "        select c.tenant_id, c.incident_id, c.body"
    "          from comments c where e.kind = 'incident_comment' and c.client_id = $1 and c.comment_id = e.object_id"
    "        union all"
    "        select a.tenant_id, a.incident_id, a.body"
    "          from attachments a where e.kind = 'incident_attachment' and a.client_id = $1 and a.attachment_id = "
    "e.object_id"
    "        union all"
    "        select p.tenant_id, p.incident_id, case when e.operation = 'create' and p.status <> 'New'"
    "                                                then pg_temp.first_response(p) else p.body end"
    "          from responses p where e.kind = 'incident_response' and p.client_id = $1 and p.response_id = e.object_id"
    "      ) o where e.n > $2 and e.n <= $3"
    "), added as ("
    "    insert into ledger"
    "    select $1, position, changed_at, tenant_id, incident_id, kind, object_id, operation, changed_by, '', snapshot,"
    "           pg_temp.chain((select hash from clocks where client_id = $1), $1, position, changed_at, tenant_id, "
    "incident_id,"
    "                         kind, object_id, operation, changed_by, '', snapshot)"
    "               over (order by position rows unbounded preceding)"
    "      from rows returning position, changed_at, hash"
    "), newest as (select * from added order by position desc limit 1)"
    "update clocks c set position = n.position, hash = n.hash, stamp = greatest(c.stamp, n.changed_at)"
    "  from newest n where c.client_id = $1 and n.position = c.position + (select count(*) from added)"
    " returning c.position into done;"
    " return done; end $$";

static void add_record(struct buf *b, int64_t *n, const struct event *e, const char *kind, const char *id,
                       const char *operation) {
    const struct step author = {.by_customer = e->by_customer, .person = e->person};
    copy_int(b, ++*n);
    copy_int(b, e->stamp);
    copy_text(b, kind);
    copy_text(b, id);
    copy_text(b, operation);
    copy_text(b, e->expired && e->kind == STEP_DECISION ? "MDR gateway" : step_author(&author));
    copy_end(b);
}

/* The child's own record comes before the incident's. */
static void add_event(struct buf *b, int64_t *n, const struct world *w, const struct event *e) {
    static const char *const kinds[] = {
        [STEP_CREATE] = "incident_details",        [STEP_COMMENT] = "incident_comment",
        [STEP_ATTACHMENT] = "incident_attachment", [STEP_RESPONSE] = "incident_response",
        [STEP_DECISION] = "incident_response",     [STEP_STATUS] = NULL};
    char id[STEP_ID_BYTES];
    if (e->kind == STEP_CREATE)
        incident_id(w, e->incident, id);
    else
        step_id(w, e->incident, e->kind == STEP_DECISION ? e->of : e->step, e->kind, id);
    if (kinds[e->kind]) add_record(b, n, e, kinds[e->kind], id, e->kind == STEP_DECISION ? "update" : "create");
    if (!e->last || e->kind == STEP_CREATE) return;
    incident_id(w, e->incident, id);
    add_record(b, n, e, "incident_details", id, "update");
}

static enum err copy_events(struct db_admin *admin, const struct world *w, const struct timeline *t) {
    scope_buf struct buf b;
    int64_t n = 0;
    buf_init(&b, EVENTS_BYTES * 2);
    for (size_t i = 0; i < t->n; i++) {
        add_event(&b, &n, w, &t->events[i]);
        if (b.len < EVENTS_BYTES && i + 1 < t->n) continue;
        if (b.failed) return ERR_UNAVAILABLE;
        TRY(session_copy(admin, "demo_events", "n, changed_at, kind, object_id, operation, changed_by", &b));
        buf_reset(&b);
    }
    return db_admin_run(admin, "create index on demo_events (n); analyze demo_events");
}

static enum err append_slice(struct db_admin *admin, const struct world *w, int64_t from, int64_t to, int64_t base) {
    scope_rows struct rows done = {0};
    TRY(db_admin_query(admin, &done, "select pg_temp.append($1, $2, $3, $4)", "siii", w->client_id, from, to, base));
    return from == to || rows_int(&done, 0, 0) == base + to ? OK : ERR_INTERNAL;
}

enum err backfill_prepare(struct db_admin *admin, const struct world *w, const struct timeline *t) {
    TRY(db_admin_run(admin, settings));
    TRY(db_admin_run(admin, helpers));
    TRY(db_admin_run(admin, append));
    TRY(copy_events(admin, w, t));
    return append_slice(admin, w, 0, 0, 0); /* makes the plan */
}

static enum err append_all(struct db_admin *admin, const struct world *w, int64_t total, struct progress *p) {
    scope_rows struct rows clock = {0};
    TRY(db_admin_query(admin, &clock, "select position from clocks where client_id = $1 for update", "s",
                       w->client_id));
    for (int64_t from = 0; from < total; from += SLICE_ROWS) {
        int64_t to = from + SLICE_ROWS < total ? from + SLICE_ROWS : total;
        TRY(append_slice(admin, w, from, to, rows_int(&clock, 0, 0)));
        progress_add(p, to - from);
    }
    return OK;
}

static enum err finish_clock(struct db_admin *admin, const struct world *w) {
    scope_rows struct rows rows = {0};
    return db_admin_query(admin, &rows,
                          "update clocks set incident_number = greatest(incident_number, $2) where client_id = $1",
                          "si", w->client_id, world_last_number(w));
}

enum err backfill(struct db_admin *admin, const struct world *w, const struct timeline *t, int64_t *count) {
    struct progress p;
    int64_t total = 0;
    for (size_t i = 0; i < t->n; i++) total += (int64_t)event_records(&t->events[i]);
    *count = total;
    progress_begin(&p, "history", total);
    enum err e = append_all(admin, w, total, &p);
    progress_end(&p);
    return e == OK ? finish_clock(admin, w) : e;
}
