#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "demo/copy.h"
#include "demo/session.h"
#include "ledger/chain.h"

enum { SLICE_ROWS = 5000, EVENTS_BYTES = 8 * 1024 * 1024 };

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
    "    return response_body(p); end $$;";

/* Of each event from n = $2 + 1 to $3 the object as it was then; the last one of each object equals its live body. A function, because
 * planning takes a lock on every index of incidents: a plan that was kept does without, and the indexes can be built meanwhile. */
static const char history[] =
    "create function pg_temp.history(text, bigint, bigint) returns table (n bigint, changed_at bigint, tenant_id text, "
    "incident_id text, kind text, object_id text, operation text, changed_by text, snapshot text) language plpgsql as "
    "$$ "
    "#variable_conflict use_column\n"
    "begin return query "
    "select e.n, e.changed_at, o.tenant_id, o.incident_id, e.kind, e.object_id, e.operation, e.changed_by, o.snapshot"
    "  from demo_events e cross join lateral ("
    "    select i.tenant_id, i.incident_id, case when e.operation = 'create' and i.history_n > 1"
    "                                            then pg_temp.first_incident(i) else i.body end as snapshot"
    "      from incidents i where e.kind = 'incident_details' and i.client_id = $1 and i.incident_id = e.object_id"
    "    union all"
    "    select c.tenant_id, c.incident_id, c.body"
    "      from comments c where e.kind = 'incident_comment' and c.client_id = $1 and c.comment_id = e.object_id"
    "    union all"
    "    select a.tenant_id, a.incident_id, a.body"
    "      from attachments a where e.kind = 'incident_attachment' and a.client_id = $1 and a.attachment_id = "
    "e.object_id"
    "    union all"
    "    select p.tenant_id, p.incident_id, case when e.operation = 'create' and p.status <> 'New'"
    "                                            then pg_temp.first_response(p) else p.body end"
    "      from responses p where e.kind = 'incident_response' and p.client_id = $1 and p.response_id = e.object_id"
    "  ) o where e.n > $2 and e.n <= $3 order by e.n; end $$";

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

/* ---- reading: the objects as they were ---- */

struct slice {
    int64_t from, to; /* events */
    struct rows rows;
};

static enum err read_slice(struct db_admin *admin, const struct world *w, struct slice *s) {
    return db_admin_query(admin, &s->rows, "select * from pg_temp.history($1, $2, $3)", "sii", w->client_id, s->from,
                          s->to);
}

enum err backfill_prepare(struct db_admin *admin, const struct world *w, const struct timeline *t) {
    struct slice none = {0};
    TRY(db_admin_run(admin, settings));
    TRY(db_admin_run(admin, helpers));
    TRY(db_admin_run(admin, history));
    TRY(copy_events(admin, w, t));
    enum err e = read_slice(admin, w, &none); /* makes the plan */
    rows_free(&none.rows);
    return e;
}

/* ---- writing: rows of the ledger, chained ---- */

struct writer {
    struct db_admin *admin;
    const struct world *w;
    struct progress *progress;
    struct buf rows;
    struct chain chain; /* of all rows so far: chain.rows is the position of the last */
    int64_t stamp;
};

/* As history() has them; the ledger's own columns stand between. */
enum { N, CHANGED_AT, TENANT_ID, INCIDENT_ID, KIND, OBJECT_ID, OPERATION, CHANGED_BY, SNAPSHOT };

#define LEDGER_COLUMNS                                                                                                 \
    "client_id, position, changed_at, tenant_id, incident_id, kind, object_id, operation, changed_by, connection, "    \
    "snapshot, hash"

static struct chain_field field(const struct rows *rows, int row, int column) {
    return (struct chain_field){rows_text(rows, row, column), rows_len(rows, row, column)};
}

static void add_row(struct writer *to, const struct rows *rows, int row) {
    char position[24];
    int len = snprintf(position, sizeof position, "%lld", (long long)to->chain.rows + 1);
    const struct chain_field fields[CHAIN_FIELDS] = {
        {to->w->client_id, strlen(to->w->client_id)},
        {position, (size_t)len},
        field(rows, row, CHANGED_AT),
        field(rows, row, TENANT_ID),
        field(rows, row, INCIDENT_ID),
        field(rows, row, KIND),
        field(rows, row, OBJECT_ID),
        field(rows, row, OPERATION),
        field(rows, row, CHANGED_BY),
        {"", 0}, /* the gateway's own */
        field(rows, row, SNAPSHOT),
    };
    chain_add(&to->chain, fields);
    for (int i = 0; i < CHAIN_FIELDS; i++) copy_textn(&to->rows, fields[i].text, fields[i].len);
    copy_bytes(&to->rows, to->chain.hash, sizeof to->chain.hash);
    copy_end(&to->rows);
}

static enum err write_slice(struct writer *to, const struct slice *s) {
    if (s->rows.n != s->to - s->from) return ERR_INTERNAL;
    buf_reset(&to->rows);
    for (int i = 0; i < s->rows.n; i++) add_row(to, &s->rows, i);
    if (to->rows.failed) return ERR_UNAVAILABLE;
    if (s->rows.n) to->stamp = rows_int(&s->rows, s->rows.n - 1, CHANGED_AT);
    progress_add(to->progress, s->rows.n);
    return session_copy(to->admin, "ledger", LEDGER_COLUMNS, &to->rows);
}

/* Holds the client's clock from here on. */
static enum err writer_begin(struct writer *to) {
    scope_rows struct rows clock = {0};
    size_t hash_bytes = 0;
    buf_init(&to->rows, EVENTS_BYTES * 64);
    TRY(db_admin_query(to->admin, &clock,
                       "select position, encode(hash, 'hex') from clocks where client_id = $1 for update", "s",
                       to->w->client_id));
    to->chain.rows = rows_int(&clock, 0, 0);
    if (!to->chain.rows) return OK;
    sodium_hex2bin(to->chain.hash, sizeof to->chain.hash, rows_text(&clock, 0, 1), rows_len(&clock, 0, 1), NULL,
                   &hash_bytes, NULL);
    return hash_bytes == sizeof to->chain.hash ? OK : ERR_INTERNAL;
}

static enum err writer_end(struct writer *to) {
    scope_rows struct rows rows = {0};
    char hash[CHAIN_HEX_BYTES];
    chain_hex(&to->chain, hash);
    return db_admin_query(to->admin, &rows,
                          "update clocks set position = $2, hash = decode($3, 'hex'), stamp = greatest(stamp, $4),"
                          "       incident_number = greatest(incident_number, $5) where client_id = $1",
                          "sisii", to->w->client_id, to->chain.rows, hash, to->stamp, world_last_number(to->w));
}

/* ---- both, one after the other or side by side ---- */

/* Between the thread that reads and the one that writes: one slice that was read. */
struct shelf {
    struct db_admin *admin;
    const struct world *w;
    int64_t total;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct slice slice;
    bool full, left; /* left: the writer has gone */
    enum err failed; /* of reading */
};

static bool put(struct shelf *shelf, const struct slice *s, enum err e) {
    pthread_mutex_lock(&shelf->lock);
    while (shelf->full && !shelf->left) pthread_cond_wait(&shelf->moved, &shelf->lock);
    bool wanted = !shelf->left;
    if (wanted) {
        shelf->slice = *s;
        shelf->failed = e;
        shelf->full = true;
    }
    pthread_cond_signal(&shelf->moved);
    pthread_mutex_unlock(&shelf->lock);
    return wanted && e == OK;
}

static enum err take(struct shelf *shelf, struct slice *s) {
    pthread_mutex_lock(&shelf->lock);
    while (!shelf->full) pthread_cond_wait(&shelf->moved, &shelf->lock);
    *s = shelf->slice;
    shelf->full = false;
    enum err e = shelf->failed;
    pthread_cond_signal(&shelf->moved);
    pthread_mutex_unlock(&shelf->lock);
    return e;
}

static void leave(struct shelf *shelf) {
    pthread_mutex_lock(&shelf->lock);
    shelf->left = true;
    if (shelf->full) rows_free(&shelf->slice.rows);
    shelf->full = false;
    pthread_cond_signal(&shelf->moved);
    pthread_mutex_unlock(&shelf->lock);
}

static struct slice next_slice(int64_t from, int64_t total) {
    return (struct slice){.from = from, .to = from + SLICE_ROWS < total ? from + SLICE_ROWS : total};
}

static void *read_all(void *arg) {
    struct shelf *shelf = arg;
    for (int64_t from = 0; from < shelf->total; from += SLICE_ROWS) {
        struct slice s = next_slice(from, shelf->total);
        enum err e = read_slice(shelf->admin, shelf->w, &s);
        if (put(shelf, &s, e)) continue;
        rows_free(&s.rows);
        break;
    }
    return NULL;
}

static enum err write_all_beside(struct db_admin *reader, struct writer *to, int64_t total) {
    struct shelf shelf = {.admin = reader,
                          .w = to->w,
                          .total = total,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .moved = PTHREAD_COND_INITIALIZER};
    pthread_t thread;
    enum err e = OK;
    if (pthread_create(&thread, NULL, read_all, &shelf) != 0) return ERR_UNAVAILABLE;
    for (int64_t from = 0; e == OK && from < total; from += SLICE_ROWS) {
        struct slice s = {0};
        e = take(&shelf, &s);
        if (e == OK) e = write_slice(to, &s);
        rows_free(&s.rows);
    }
    leave(&shelf);
    pthread_join(thread, NULL);
    return e;
}

static enum err write_all(struct db_admin *reader, struct writer *to, int64_t total) {
    if (reader != to->admin) return write_all_beside(reader, to, total);
    enum err e = OK;
    for (int64_t from = 0; e == OK && from < total; from += SLICE_ROWS) {
        struct slice s = next_slice(from, total);
        e = read_slice(reader, to->w, &s);
        if (e == OK) e = write_slice(to, &s);
        rows_free(&s.rows);
    }
    return e;
}

enum err backfill(struct db_admin *reader, struct db_admin *admin, const struct world *w, const struct timeline *t,
                  int64_t *count) {
    struct progress p;
    struct writer to = {.admin = admin, .w = w, .progress = &p};
    int64_t total = 0;
    for (size_t i = 0; i < t->n; i++) total += (int64_t)event_records(&t->events[i]);
    *count = total;
    progress_begin(&p, "history", total);
    enum err e = writer_begin(&to);
    if (e == OK) e = write_all(reader, &to, total);
    progress_end(&p);
    if (e == OK) e = writer_end(&to);
    buf_free(&to.rows);
    return e;
}
