#include "demo/load.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "auth/clients.h"
#include "base/clock.h"
#include "base/home.h"
#include "demo/copy.h"
#include "demo/rows.h"
#include "demo/session.h"

enum { SLICE = 2500, THREADS = 2, ASSETS_SLICE = 20000 };

struct load {
    const struct demo_order *order;
    struct world world;
    struct timeline timeline;
    struct db_admin *admin;
    struct progress progress;
    atomic_uint next;                /* incident of the next slice */
    atomic_int failed;               /* enum err of the first that failed */
    bool big;
};

/* ---- before ---- */

static enum err make_client(const struct demo_order *o) {
    enum err e = client_create(o->client_id, o->name);
    if (e == ERR_INVALID) home_complain("a client id has 1 to 50 letters, digits, _ . + or -");
    return e == ERR_CONFLICT ? OK : e;
}

/* An owner without these rights sees no rows of its own tables: row-level security is forced. */
static enum err check_rights(struct db_admin *admin) {
    scope_rows struct rows rows = {0};
    TRY(db_admin_query(admin, &rows, "select rolsuper, pg_try_advisory_lock(7223372037) from pg_roles where rolname = current_user", ""));
    if (!rows_bool(&rows, 0, 0)) {
        home_complain("loading a demo takes a superuser of the database (MDR_MIGRATE_URL)");
        return ERR_INVALID;
    }
    if (rows_bool(&rows, 0, 1)) return OK;
    home_complain("another demo is being loaded into this database");
    return ERR_CONFLICT;
}

static enum err clear_broken(struct db_admin *admin, const char *client_id) {
    static const char *const tables[] = {"due", "reads", "incident_keys", "attachment_pieces", "attachments", "comments", "responses",
                                         "incidents"};
    fputs("An earlier load broke off: clearing what it left.\n", stderr);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        scope_rows struct rows rows = {0};
        char sql[128];
        snprintf(sql, sizeof sql, "delete from %s where client_id = $1", tables[i]);
        TRY(db_admin_query(admin, &rows, sql, "s", client_id));
    }
    return OK;
}

static enum err check_empty(struct db_admin *admin, const char *client_id) {
    scope_rows struct rows rows = {0};
    TRY(db_admin_query(admin, &rows,
                       "select exists (select from incidents where client_id = $1),"
                       "       exists (select from ledger where client_id = $1 and kind = 'incident_details')",
                       "s", client_id));
    if (!rows_bool(&rows, 0, 0) && !rows_bool(&rows, 0, 1)) return OK;
    if (!rows_bool(&rows, 0, 1)) return clear_broken(admin, client_id);
    home_complain("client %s has incidents already; a demo is loaded into a client without any", client_id);
    return ERR_CONFLICT;
}

/* ---- search indexes ---- */

/* Not dropped, but marked as not kept up to date: so their definitions stay where they are, whatever happens. */
static enum err indexes_off(struct db_admin *admin) {
    return db_admin_run(admin, "update pg_index set indisready = false, indisvalid = false"
                               " where indexrelid in ('incidents_search'::regclass, 'incidents_search_pairs'::regclass)");
}

struct index_job {
    const char *owner_url;
    char name[128];
    enum err e;
};

static void *build_index(void *arg) {
    struct index_job *job = arg;
    char sql[256];
    scope_db_admin struct db_admin *admin = session_open(job->owner_url);
    snprintf(sql, sizeof sql, "reindex index %s", job->name);
    job->e = admin ? db_admin_run(admin, sql) : ERR_UNAVAILABLE;
    return NULL;
}

static enum err build_both(struct index_job *jobs, int n) {
    pthread_t thread;
    bool started = n > 1 && pthread_create(&thread, NULL, build_index, &jobs[1]) == 0;
    build_index(&jobs[0]);
    if (started) pthread_join(thread, NULL);
    else if (n > 1) build_index(&jobs[1]);
    TRY(jobs[0].e);
    return n > 1 ? jobs[1].e : OK;
}

/* Two at a time. */
static enum err indexes_on(struct db_admin *admin, const char *owner_url) {
    scope_rows struct rows rows = {0};
    TRY(db_admin_query(admin, &rows,
                       "select indexrelid::regclass::text from pg_index where indrelid = 'incidents'::regclass and not indisvalid", ""));
    int64_t begun = monotonic_ms();
    for (int i = 0; i < rows.n; i += 2) {
        struct index_job jobs[2] = {{.owner_url = owner_url}, {.owner_url = owner_url}};
        int n = rows.n - i < 2 ? rows.n - i : 2;
        for (int k = 0; k < n; k++) snprintf(jobs[k].name, sizeof jobs[k].name, "%s", rows_text(&rows, i + k, 0));
        fputs("Building search indexes ...\n", stderr);
        TRY(build_both(jobs, n));
    }
    if (rows.n) fprintf(stderr, "Search indexes built in %.1f s\n", (double)(monotonic_ms() - begun) / 1000);
    return OK;
}

/* Worth it only where the indexes would be rebuilt mostly from what is loaded now. */
static enum err few_incidents(const struct load *l, bool *few) {
    scope_rows struct rows rows = {0};
    TRY(db_admin_query(l->admin, &rows, "select count(*) < $1 from (select from incidents limit $1) i", "i",
                       (int64_t)l->order->incidents / 2));
    *few = rows_bool(&rows, 0, 0);
    return OK;
}

/* ---- tenants and assets ---- */

static enum err load_tenants(const struct load *l) {
    for (size_t i = 0; i < TENANTS_STOCK_N; i++) {
        const struct tenant *t = &tenants_stock[i];
        scope_rows struct rows rows = {0};
        TRY(db_admin_query(l->admin, &rows,
                           "insert into tenants (client_id, tenant_id, tenant_name, description, asset_limit, creation_time)"
                           " values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
                           "ssssii", l->world.client_id, t->id, t->name, t->description, (int64_t)(i ? l->world.assets_n : 0),
                           l->world.now_ms - 400LL * 86400000));
    }
    return OK;
}

static enum err flush_assets(struct db_admin *admin, struct buf *rows) {
    if (rows->failed) return ERR_UNAVAILABLE;
    TRY(session_copy(admin, "demo_assets", ASSET_COLUMNS, rows));
    buf_reset(rows);
    return db_admin_run(admin, "insert into assets (" ASSET_COLUMNS ") select " ASSET_COLUMNS " from demo_assets"
                               " on conflict do nothing; truncate demo_assets");
}

/* With all triggers on: they work out what is searched and shown. */
static enum err load_assets(struct load *l) {
    scope_buf struct buf rows, scratch;
    buf_init(&rows, 256 * 1024 * 1024);
    buf_init(&scratch, 64 * 1024);
    TRY(db_admin_run(l->admin, "create temp table demo_assets as select " ASSET_COLUMNS " from assets limit 0"));
    progress_begin(&l->progress, "assets", l->world.assets_n);
    for (uint32_t i = 0; i < l->world.assets_n; i++) {
        host_row(&l->world, i, &scratch, &rows);
        if ((i + 1) % ASSETS_SLICE) continue;
        TRY(flush_assets(l->admin, &rows));
        progress_add(&l->progress, ASSETS_SLICE);
    }
    TRY(flush_assets(l->admin, &rows));
    progress_add(&l->progress, l->world.assets_n % ASSETS_SLICE);
    progress_end(&l->progress);
    return OK;
}

/* ---- incidents ---- */

#define CHILDREN(table, id)                                                                                            \
    "coalesce((select string_agg(x.body, ',' order by x.creation_time, x." id ") from " table                          \
    " x where x.client_id = s.client_id and x.incident_id = s.incident_id), '')"

static const char insert_incidents[] =
    "insert into incidents (" INCIDENT_COLUMNS ", comments, attachments, responses, body, search_text, search_pairs)"
    " select s.*, case when s.comments_n > 0 then " CHILDREN("comments", "comment_id") " else '' end,"
    "        case when s.attachments_n > 0 then " CHILDREN("attachments", "attachment_id") " else '' end,"
    "        case when s.responses_n > 0 then " CHILDREN("responses", "response_id") " else '' end, '', '', ''"
    "   from demo_incidents s; truncate demo_incidents";

static enum err write_slice(struct db_admin *admin, const struct rows_out *out) {
    if (rows_failed(out)) return ERR_UNAVAILABLE;
#define X(member, table, columns) TRY(session_copy(admin, table, columns, &out->member));
    ROWS_TABLES(X)
#undef X
    return db_admin_run(admin, insert_incidents);
}

static enum err load_slice(struct load *l, struct db_admin *admin, uint32_t from, struct rows_out *out) {
    uint32_t end = from + SLICE < l->world.incidents_n ? from + SLICE : l->world.incidents_n;
    rows_reset(out);
    for (uint32_t i = from; i < end; i++) {
        struct plan p;
        plan_make(&l->world, i, &p);
        rows_add(&l->world, i, &p, l->timeline.stamps + l->timeline.first[i], out);
    }
    if (l->big) TRY(db_admin_run(admin, "begin"));
    TRY(write_slice(admin, out));
    if (l->big) TRY(db_admin_run(admin, "commit"));
    progress_add(&l->progress, end - from);
    return OK;
}

static enum err load_slices(struct load *l, struct db_admin *admin) {
    const struct picture *all = pictures();
    struct rows_out out;
    if (!all) return ERR_UNAVAILABLE;
    TRY(db_admin_run(admin, "create temp table demo_incidents as select " INCIDENT_COLUMNS " from incidents limit 0"));
    rows_init(&out, all);
    enum err e = OK;
    while (e == OK && !atomic_load(&l->failed)) {
        uint32_t from = atomic_fetch_add(&l->next, SLICE);
        if (from >= l->world.incidents_n) break;
        e = load_slice(l, admin, from, &out);
    }
    rows_end(&out);
    return e;
}

static void *slice_thread(void *arg) {
    struct load *l = arg;
    scope_db_admin struct db_admin *admin = session_open(l->order->owner_url);
    enum err e = admin ? session_trust(admin) : ERR_UNAVAILABLE;
    if (e == OK) e = load_slices(l, admin);
    if (e != OK) atomic_store(&l->failed, (int)e);
    return NULL;
}

static enum err load_in_threads(struct load *l) {
    pthread_t threads[THREADS];
    int n = 0;
    if (!pictures()) return ERR_UNAVAILABLE;
    while (n < THREADS && pthread_create(&threads[n], NULL, slice_thread, l) == 0) n++;
    for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
    return n ? (enum err)atomic_load(&l->failed) : ERR_UNAVAILABLE;
}

static enum err load_incidents(struct load *l, int64_t *ledger_rows) {
    TRY(timeline_make(&l->world, &l->timeline));
    progress_begin(&l->progress, "incidents", l->world.incidents_n);
    TRY(l->big ? load_in_threads(l) : load_slices(l, l->admin));
    progress_end(&l->progress);
    if (l->big) TRY(db_admin_run(l->admin, "begin"));
    return backfill(l->admin, &l->world, &l->timeline, ledger_rows);
}

/* ---- all of it ---- */

static enum err load_all(struct load *l, struct demo_result *out) {
    bool few = false;
    TRY(check_rights(l->admin));
    TRY(check_empty(l->admin, l->world.client_id));
    TRY(indexes_on(l->admin, l->order->owner_url));
    if (l->big) TRY(few_incidents(l, &few));
    if (few) TRY(indexes_off(l->admin));
    if (!l->big) TRY(db_admin_run(l->admin, "begin"));
    TRY(load_tenants(l));
    TRY(load_assets(l));
    TRY(session_trust(l->admin));
    if (l->world.incidents_n) TRY(load_incidents(l, &out->ledger_rows));
    if (!l->big || l->world.incidents_n) TRY(db_admin_run(l->admin, "commit"));
    TRY(indexes_on(l->admin, l->order->owner_url));
    return db_admin_run(l->admin, "analyze tenants, assets, incidents, incident_keys, comments, attachments, responses, ledger, due");
}

enum err demo_load(const struct demo_order *order, struct demo_result *out) {
    int64_t begun = monotonic_ms();
    *out = (struct demo_result){0};
    if (order->incidents && order->assets < WORLD_ASSETS_MIN) {
        home_complain("incidents happen on hosts: --assets must be at least %d", WORLD_ASSETS_MIN);
        return ERR_INVALID;
    }
    struct load l = {.order = order, .big = order->incidents > DEMO_ONE_TRANSACTION};
    l.world = (struct world){.client_id = order->client_id, .seed = order->seed, .now_ms = now_ms(), .assets_n = order->assets,
                             .incidents_n = order->incidents};
    TRY(make_client(order));
    l.admin = session_open(order->owner_url);
    enum err e = l.admin ? load_all(&l, out) : ERR_UNAVAILABLE;
    timeline_free(&l.timeline);
    db_admin_close(&l.admin);
    out->ms = monotonic_ms() - begun;
    return e;
}
