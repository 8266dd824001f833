#include "demo/load.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/clients.h"
#include "base/clock.h"
#include "base/home.h"
#include "demo/copy.h"
#include "demo/rows.h"
#include "demo/session.h"

enum { SLICE = 2500, THREADS_MIN = 2, THREADS_MAX = 8, ASSETS_SLICE = 20000, TRIES = 5 };

struct load {
    const struct demo_order *order;
    struct world world;
    struct timeline timeline;
    struct db_admin *admin;
    struct progress progress;
    atomic_uint next;  /* incident of the next slice */
    atomic_int failed; /* enum err of the first that failed */
    bool big;
};

static int threads_wanted(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < THREADS_MIN ? THREADS_MIN : cores > THREADS_MAX ? THREADS_MAX : (int)cores;
}

/* ---- before ---- */

static enum err make_client(const struct demo_order *o) {
    enum err e = client_create(o->client_id, o->name);
    if (e == ERR_INVALID) home_complain("a client id has 1 to 50 letters, digits, _ . + or -");
    return e == ERR_CONFLICT ? OK : e;
}

/* An owner without these rights sees no rows of its own tables: row-level security is forced. */
static enum err check_rights(struct db_admin *admin) {
    scope_rows struct rows rows = {0};
    TRY(db_admin_query(admin, &rows,
                       "select rolsuper, pg_try_advisory_lock(7223372037) from pg_roles where rolname = current_user",
                       ""));
    if (!rows_bool(&rows, 0, 0)) {
        home_complain("loading a demo takes a superuser of the database (MDR_MIGRATE_URL)");
        return ERR_INVALID;
    }
    if (rows_bool(&rows, 0, 1)) return OK;
    home_complain("another demo is being loaded into this database");
    return ERR_CONFLICT;
}

static enum err clear_broken(struct db_admin *admin, const char *client_id) {
    static const char *const tables[] = {"due",         "reads",    "incident_keys", "attachment_pieces",
                                         "attachments", "comments", "responses",     "incidents"};
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

/* ---- indexes ---- */

/* Building an index once costs a fraction of keeping it up to date row by row. Not dropped, but marked as not kept up to date: so
 * the definitions stay where they are, whatever happens. Keys stay on, but for that of incident_keys: no other table
 * rests on it, and incident_keys_set() does without. The ledger's come after the others: building an index keeps writers of its table out. */
#define LOADED "'{incidents,incident_keys,comments,attachments,responses}'::regclass[]"
#define LOADED_LATER "'{ledger}'::regclass[]"

static enum err indexes_off(struct db_admin *admin) {
    return db_admin_run(admin, "update pg_index set indisready = false, indisvalid = false"
                               " where indrelid = any (" LOADED " || " LOADED_LATER ")"
                               " and (not indisunique or indexrelid = 'incident_keys_pkey'::regclass)");
}

/* ---- several commands at a time ---- */

/* Building an index can get into a deadlock with who writes to its table meanwhile, and be the one that is given up. */
static enum err run_timed(struct db_admin *admin, const char *command) {
    int64_t begun = monotonic_ms();
    enum err e = db_admin_run(admin, command);
    for (int again = 1; e == ERR_UNAVAILABLE && again < TRIES; again++) e = db_admin_run(admin, command);
    TRY(e);
    double s = (double)(monotonic_ms() - begun) / 1000;
    if (s > 3) fprintf(stderr, "%s: %.1f s\n", command, s);
    return OK;
}

/* Each thread has a connection of its own. */
struct commands {
    struct load *load;
    struct rows all; /* column 0; the dearest first */
    atomic_int next;
    pthread_t threads[THREADS_MAX];
    int threads_n;
};

static void *command_thread(void *arg) {
    struct commands *c = arg;
    scope_db_admin struct db_admin *admin = session_open(c->load->order->owner_url);
    enum err e = admin ? OK : ERR_UNAVAILABLE;
    for (int i; e == OK && (i = atomic_fetch_add(&c->next, 1)) < c->all.n;)
        e = run_timed(admin, rows_text(&c->all, i, 0));
    if (e != OK) atomic_store(&c->load->failed, (int)e);
    return NULL;
}

static enum err commands_begin(struct load *l, struct commands *c, const char *find) {
    c->load = l;
    TRY(db_admin_query(l->admin, &c->all, find, ""));
    while (c->threads_n < threads_wanted() && c->threads_n < c->all.n &&
           pthread_create(&c->threads[c->threads_n], NULL, command_thread, c) == 0)
        c->threads_n++;
    return c->threads_n || !c->all.n ? OK : ERR_UNAVAILABLE;
}

static enum err commands_wait(struct commands *c) {
    while (c->threads_n) pthread_join(c->threads[--c->threads_n], NULL);
    rows_free(&c->all);
    return (enum err)atomic_load(&c->load->failed);
}

static enum err run_commands(struct load *l, const char *find) {
    struct commands c = {0};
    enum err e = commands_begin(l, &c, find);
    enum err waited = commands_wait(&c);
    return e == OK ? waited : e;
}

/* With more memory the lists of a search index do not fit the processor's cache while it is built. */
#define REBUILD(tables)                                                                                                \
    "(select case a.amname when 'gin' then 'set maintenance_work_mem = ''16MB''; '"                                    \
    "                      else 'set maintenance_work_mem = ''256MB''; ' end || 'reindex index ' || "                  \
    "indexrelid::regclass"                                                                                             \
    "   from pg_index join pg_class c on c.oid = indexrelid join pg_am a on a.oid = c.relam"                           \
    "  where indrelid = any (" tables                                                                                  \
    ") and not indisvalid order by a.amname <> 'gin', indrelid <> 'incident_keys'::regclass)"

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
        TRY(db_admin_query(
            l->admin, &rows,
            "insert into tenants (client_id, tenant_id, tenant_name, description, asset_limit, creation_time)"
            " values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
            "ssssii", l->world.client_id, t->id, t->name, t->description, (int64_t)(i ? l->world.assets_n : 0),
            l->world.now_ms - 400LL * 86400000));
    }
    return OK;
}

static enum err flush_assets(struct db_admin *admin, struct copy *rows) {
    if (rows->rows.failed) return ERR_UNAVAILABLE;
    TRY(session_copy(admin, "demo_assets", ASSET_COLUMNS, rows));
    copy_reset(rows);
    return db_admin_run(admin, "insert into assets (" ASSET_COLUMNS ") select " ASSET_COLUMNS " from demo_assets"
                               " on conflict do nothing; truncate demo_assets");
}

/* With all triggers on: they work out what is searched and shown. */
static enum err load_assets(struct load *l) {
    scope_copy struct copy rows;
    scope_buf struct buf scratch;
    copy_init(&rows, 256 * 1024 * 1024);
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

static enum err write_slice(struct db_admin *admin, const struct rows_out *out) {
    if (rows_failed(out)) return ERR_UNAVAILABLE;
#define X(member, table, columns) TRY(session_copy(admin, table, columns, &out->member));
    ROWS_TABLES(X)
#undef X
    return OK;
}

static enum err load_slice(struct load *l, struct db_admin *admin, uint32_t from, struct rows_out *out) {
    uint32_t end = from + SLICE < l->world.incidents_n ? from + SLICE : l->world.incidents_n;
    rows_reset(out);
    for (uint32_t i = from; i < end; i++) {
        struct content c;
        content_make(&l->world, i, l->timeline.stamps + l->timeline.first[i], &c);
        rows_add(&c, out);
        content_free(&c);
    }
    if (l->big) TRY(db_admin_run(admin, "begin"));
    TRY(write_slice(admin, out));
    if (l->big) TRY(db_admin_run(admin, "commit"));
    progress_add(&l->progress, end - from);
    return OK;
}

static enum err load_slices(struct load *l, struct db_admin *admin) {
    struct rows_out out;
    rows_init(&out);
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

/* While a transaction holds this, writers go on and autovacuum passes the tables by. */
#define KEEP_VACUUM_OUT(tables) "begin; lock table " tables " in share update exclusive mode"

static enum err load_in_threads(struct load *l) {
    pthread_t threads[THREADS_MAX];
    int n = 0;
    TRY(db_admin_run(l->admin, KEEP_VACUUM_OUT("incidents, incident_keys, comments, attachments, responses")));
    while (n < threads_wanted() && pthread_create(&threads[n], NULL, slice_thread, l) == 0) n++;
    for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
    TRY(db_admin_run(l->admin, "commit"));
    return n ? (enum err)atomic_load(&l->failed) : ERR_UNAVAILABLE;
}

/* Last of all, so that workers find nothing to do in a client that is half loaded. */
static enum err plan_work(const struct load *l) {
    scope_rows struct rows rows = {0};
    return db_admin_query(l->admin, &rows,
                          "insert into due (client_id, kind, object_id, due_at)"
                          " select client_id, 'decide', response_id, decide_until from responses"
                          "  where client_id = $1 and status = 'New' and decide_until > 0"
                          " union all"
                          " select client_id, 'close', incident_id, update_time + $2 from incidents where client_id = "
                          "$1 and status = 'Resolved'"
                          " on conflict do nothing",
                          "si", l->world.client_id, 3 * DAY_MS);
}

/* Counting looks at indexes alone once the pages are known to hold nothing but what all may see; the other tables can wait for
 * autovacuum. */
#define BESIDE_HISTORY                                                                                                 \
    REBUILD(LOADED)                                                                                                    \
    " union all values ('vacuum (analyze, index_cleanup off) incidents'),"                                             \
    "                  ('vacuum (analyze, index_cleanup off) incident_keys')"
#define AFTER_HISTORY                                                                                                  \
    REBUILD(LOADED_LATER)                                                                                              \
    " union all values ('analyze tenants, assets, comments, attachments, responses, ledger, "                          \
    "due')"

static enum err load_history_apart(struct load *l, int64_t *ledger_rows) {
    struct commands indexes = {0};
    TRY(db_admin_run(l->admin, KEEP_VACUUM_OUT("ledger")));
    TRY(commands_begin(l, &indexes, BESIDE_HISTORY));
    enum err e = history_write(l->admin, &l->world, &l->timeline, ledger_rows);
    enum err waited = commands_wait(&indexes);
    TRY(e);
    TRY(waited);
    TRY(plan_work(l));
    TRY(db_admin_run(l->admin, "commit"));
    return run_commands(l, AFTER_HISTORY);
}

static enum err load_history(struct load *l, int64_t *ledger_rows) {
    if (l->big) return load_history_apart(l, ledger_rows);
    TRY(history_write(l->admin, &l->world, &l->timeline, ledger_rows));
    return plan_work(l);
}

static enum err load_incidents(struct load *l, int64_t *ledger_rows) {
    if (!pictures()) return ERR_UNAVAILABLE;
    TRY(timeline_make(&l->world, &l->timeline));
    progress_begin(&l->progress, "incidents", l->world.incidents_n);
    TRY(l->big ? load_in_threads(l) : load_slices(l, l->admin));
    progress_end(&l->progress);
    return load_history(l, ledger_rows);
}

/* ---- all of it ---- */

static enum err load_all(struct load *l, struct demo_result *out) {
    bool few = false;
    TRY(check_rights(l->admin));
    TRY(check_empty(l->admin, l->world.client_id));
    TRY(run_commands(l, REBUILD(LOADED " || " LOADED_LATER)));
    TRY(few_incidents(l, &few));
    if (!l->big) TRY(db_admin_run(l->admin, "begin"));
    if (few && l->big) TRY(indexes_off(l->admin));
    TRY(load_tenants(l));
    TRY(load_assets(l));
    TRY(session_trust(l->admin));
    if (l->world.incidents_n) TRY(load_incidents(l, &out->ledger_rows));
    if (!l->big) TRY(db_admin_run(l->admin, "commit"));
    if (l->big) return OK;
    return db_admin_run(
        l->admin, "analyze tenants, assets, incidents, incident_keys, comments, attachments, responses, ledger, due");
}

enum err demo_load(const struct demo_order *order, struct demo_result *out) {
    int64_t begun = monotonic_ms();
    *out = (struct demo_result){0};
    if (order->incidents && order->assets < WORLD_ASSETS_MIN) {
        home_complain("incidents happen on hosts: --assets must be at least %d", WORLD_ASSETS_MIN);
        return ERR_INVALID;
    }
    struct load l = {.order = order, .big = order->incidents > DEMO_ONE_TRANSACTION};
    l.world = (struct world){.client_id = order->client_id,
                             .seed = order->seed,
                             .now_ms = now_ms(),
                             .assets_n = order->assets,
                             .incidents_n = order->incidents};
    TRY(make_client(order));
    l.admin = session_open(order->owner_url);
    enum err e = l.admin ? load_all(&l, out) : ERR_UNAVAILABLE;
    timeline_free(&l.timeline);
    db_admin_close(&l.admin);
    out->ms = monotonic_ms() - begun;
    return e;
}
