#include "base/db.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/db_params.h"
#include "base/gate.h"
#include "base/hash.h"
#include "base/log.h"

enum {
    PREPARED_MAX = 256, /* per connection; then all are dropped and it starts anew */
    CHECKOUT_MS = 3000,
    QUEUE_MS = 8000,
    QUEUES = 64,
    RESERVED_FROM_WRITERS = 2, /* connections that queued writers never take */
    RESERVED_FROM_LISTS = 2,   /* connections that lists and searches never take: who decides gets in */
    CONNECTIONS_MAX = 64,
    SILENCE_MS = 5000, /* beyond the time of a statement: then the server is given up */
};

struct db_conn {
    PGconn *pg;
    uint64_t prepared[PREPARED_MAX];
    int prepared_n;
    bool broken;
    bool warned; /* by the server, since it was last reset */
    long timeline;
    struct db_conn *next_free;
};

static struct {
    char *url;
    int connections;
    struct db_conn all[CONNECTIONS_MAX];
    struct db_conn *free;
    struct gate places;         /* one for each free connection */
    struct gate writers;        /* that may hold a connection at a time */
    struct gate queues[QUEUES]; /* one writer of a client (of those with its hash) at a time */
    pthread_mutex_t lock;
    bool started;
    atomic_long timeline; /* the newest seen */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- rows ---- */

void rows_free(struct rows *r) {
    if (r->result) PQclear(r->result);
    *r = (struct rows){0};
}

const char *rows_text(const struct rows *r, int row, int col) { return PQgetvalue(r->result, row, col); }

size_t rows_len(const struct rows *r, int row, int col) { return (size_t)PQgetlength(r->result, row, col); }

bool rows_null(const struct rows *r, int row, int col) { return PQgetisnull(r->result, row, col); }

int64_t rows_int(const struct rows *r, int row, int col) { return strtoll(rows_text(r, row, col), NULL, 10); }

bool rows_bool(const struct rows *r, int row, int col) { return rows_text(r, row, col)[0] == 't'; }

/* ---- errors ---- */

static const struct {
    const char *prefix;
    enum err err;
} sqlstates[] = {
    {"22", ERR_INVALID},        {"23505", ERR_CONFLICT},    {"40", ERR_UNAVAILABLE}, {"55P03", ERR_UNAVAILABLE},
    {"57014", ERR_UNAVAILABLE}, {"08", ERR_UNAVAILABLE},    {"53", ERR_UNAVAILABLE}, {"57P", ERR_UNAVAILABLE},
    {"25006", ERR_UNAVAILABLE}, {"25P03", ERR_UNAVAILABLE},
};

static enum err error_of(const PGresult *result, const char *sql) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; state && i < sizeof sqlstates / sizeof *sqlstates; i++) {
        if (strncmp(state, sqlstates[i].prefix, strlen(sqlstates[i].prefix)) != 0) continue;
        if (sqlstates[i].err == ERR_UNAVAILABLE)
            LOG(WARN, "database_refused", log_s("sqlstate", state), log_s("message", PQresultErrorMessage(result)));
        return sqlstates[i].err;
    }
    if (!state) return ERR_UNAVAILABLE;
    /* without the detail, which shows the row at fault */
    LOG(ERROR, "database_error", log_s("sqlstate", state),
        log_s("message", PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)), log_s("sql", sql));
    return ERR_INTERNAL;
}

struct strings rows_strings(const struct rows *r, int col, struct arena *arena) {
    struct strings out = strings_new(arena, (size_t)r->n);
    for (int i = 0; i < r->n; i++) out.v[out.n++] = arena_strdup(arena, rows_text(r, i, col));
    return out;
}

void rows_json(const struct rows *r, struct buf *out) {
    json_open(out, '[');
    for (int i = 0; i < r->n; i++) json_raw(out, rows_text(r, i, 0));
    json_close(out, ']');
}

/* ---- connections ---- */

/* A host that vanished is noticed after 10 s: by what it does not acknowledge, or by probes while its reply is waited for. */
static PGconn *open_pg(const char *url, const char *name) {
    const char *keys[] = {"dbname",           "application_name", "connect_timeout",     "client_encoding",
                          "tcp_user_timeout", "keepalives_idle",  "keepalives_interval", NULL};
    const char *values[] = {url, name, "3", "UTF8", "10000", "5", "5", NULL};
    return PQconnectdbParams(keys, values, 1);
}

static void close_conn(struct db_conn *c) {
    if (c->pg) PQfinish(c->pg);
    c->pg = NULL;
    c->prepared_n = 0;
    c->broken = false;
}

static bool is_warning(const PGresult *notice) {
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (!severity || strcmp(severity, "WARNING") != 0) return false;
    LOG(WARN, "database_warning", log_s("message", PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY)));
    return true;
}

static void note_notice(void *conn, const PGresult *notice) {
    if (is_warning(notice)) ((struct db_conn *)conn)->warned = true;
}

/* Each promotion of a standby begins a timeline. A server on an earlier one than the newest seen was replaced and does not know it:
 * what it shows is old, and what it takes is lost. */
static bool is_replaced(long timeline) {
    long newest = atomic_load(&pool.timeline);
    while (timeline > newest && !atomic_compare_exchange_weak(&pool.timeline, &newest, timeline)) continue;
    return timeline < newest;
}

/* statement_timeout binds a server that works. One that hangs, or waits for its standby at COMMIT, says nothing for ever, and may
 * not even read what it is sent. */
static bool reply_came(struct db_conn *c, int64_t until_ms) {
    while (PQstatus(c->pg) == CONNECTION_OK && PQisBusy(c->pg)) {
        short unsent = PQflush(c->pg) > 0 ? POLLOUT : 0;
        struct pollfd socket = {.fd = PQsocket(c->pg), .events = POLLIN | unsent};
        int64_t left_ms = until_ms - monotonic_ms();
        if (left_ms <= 0) {
            LOG(WARN, "database_silent", log_s("host", PQhost(c->pg)));
            return false;
        }
        if (poll(&socket, 1, (int)left_ms) > 0 && !PQconsumeInput(c->pg)) return true;
    }
    return true;
}

/* The last result of a few statements, outside of a pipeline. NULL: none came in time. */
static PGresult *ask(struct db_conn *c, const char *sql) {
    PGresult *last = NULL;
    int64_t until_ms = monotonic_ms() + SILENCE_MS;
    if (!PQsendQuery(c->pg, sql)) return NULL;
    while (reply_came(c, until_ms)) {
        PGresult *result = PQgetResult(c->pg);
        if (!result) return last;
        PQclear(last);
        last = result;
    }
    PQclear(last);
    return NULL;
}

/* pg_current_wal_lsn() refuses on a standby. */
static bool set_up(struct db_conn *c) {
    char sql[500];
    long long timeout_ms = config()->request_timeout_s * 1000;
    snprintf(sql, sizeof sql,
             "set statement_timeout = %lld; set lock_timeout = 8000; set idle_in_transaction_session_timeout = %lld;"
             "set plan_cache_mode = force_generic_plan; set jit = off;"
             "set default_transaction_isolation = 'read committed';"
             "select left(pg_walfile_name(pg_current_wal_lsn()), 8)",
             timeout_ms, timeout_ms + SILENCE_MS);
    PGresult *set = ask(c, sql);
    bool ok = PQresultStatus(set) == PGRES_TUPLES_OK;
    if (ok) c->timeline = strtol(PQgetvalue(set, 0, 0), NULL, 16);
    PQclear(set);
    if (!ok) LOG(WARN, "database_unreachable", log_s("message", PQerrorMessage(c->pg)));
    return ok && PQenterPipelineMode(c->pg);
}

static bool conn_usable(struct db_conn *c) {
    if (c->pg && !c->broken && PQstatus(c->pg) == CONNECTION_OK && !is_replaced(c->timeline)) return true;
    close_conn(c);
    c->pg = open_pg(pool.url, "mdr-gateway");
    if (PQstatus(c->pg) != CONNECTION_OK) {
        LOG(WARN, "database_unreachable", log_s("message", PQerrorMessage(c->pg)));
        return false;
    }
    PQsetNoticeReceiver(c->pg, note_notice, c);
    if (PQsetnonblocking(c->pg, 1) || !set_up(c)) return false;
    if (!is_replaced(c->timeline)) return true;
    LOG(WARN, "database_replaced", log_s("host", PQhost(c->pg)), log_i("timeline", c->timeline),
        log_i("newest", atomic_load(&pool.timeline)));
    return false;
}

/* How many connections remain when so many are reserved; a small pool has none to reserve. */
static int leaving(int reserved) {
    return pool.connections > 2 * reserved ? pool.connections - reserved : pool.connections;
}

/* Leaves `keep` connections to the others. */
static struct db_conn *checkout(int keep) {
    if (!gate_enter(&pool.places, keep, monotonic_ms() + CHECKOUT_MS)) return NULL;
    pthread_mutex_lock(&pool.lock);
    struct db_conn *c = pool.started ? pool.free : NULL;
    if (c) pool.free = c->next_free;
    pthread_mutex_unlock(&pool.lock);
    return c;
}

static void give_back(struct db_conn *c) {
    if (c->broken) close_conn(c);
    pthread_mutex_lock(&pool.lock);
    c->next_free = pool.free;
    pool.free = c;
    pthread_mutex_unlock(&pool.lock);
    gate_leave(&pool.places);
}

static enum err checkout_usable(struct db_conn **out, int keep) {
    struct db_conn *c = checkout(keep);
    if (!c) return ERR_UNAVAILABLE;
    if (!conn_usable(c)) {
        c->broken = true;
        give_back(c);
        return ERR_UNAVAILABLE;
    }
    *out = c;
    return OK;
}

enum err db_start(const char *url, int connections) {
    if (PQlibVersion() < 150000) {
        LOG(ERROR, "libpq_too_old", log_i("version", PQlibVersion()));
        return ERR_INTERNAL;
    }
    pool.url = strdup(url);
    pool.connections = connections > CONNECTIONS_MAX ? CONNECTIONS_MAX : connections;
    for (int i = 0; i < QUEUES; i++) gate_init(&pool.queues[i], 1);
    gate_init(&pool.writers, leaving(RESERVED_FROM_WRITERS));
    gate_init(&pool.places, 0);
    pool.started = true;
    for (int i = 0; i < pool.connections; i++) give_back(&pool.all[i]);
    return pool.url ? OK : ERR_INTERNAL;
}

void db_stop(void) {
    pthread_mutex_lock(&pool.lock);
    pool.started = false;
    pool.free = NULL;
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < pool.connections; i++) close_conn(&pool.all[i]);
    free(pool.url);
    pool.url = NULL;
}

/* ---- statements ---- */

static bool is_prepared(const struct db_conn *c, uint64_t hash) {
    for (int i = 0; i < c->prepared_n; i++)
        if (c->prepared[i] == hash) return true;
    return false;
}

/* Outcome of a pipeline up to its sync. */
struct outcome {
    enum err err;
    PGresult *last; /* of the last statement that gave rows or a command tag */
};

static void note_result(struct outcome *o, PGresult *result, const char *sql) {
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        if (o->last) PQclear(o->last);
        o->last = result;
        return;
    }
    if (status == PGRES_FATAL_ERROR && o->err == OK) o->err = error_of(result, sql);
    PQclear(result);
}

/* What a server that turned read-only answers to a write. */
static bool is_read_only(const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state && !strcmp(state, "25006");
}

/* Reads everything up to the sync, so that the connection is fit for the next user whatever happened. */
static struct outcome read_to_sync(struct db_conn *c, const char *sql) {
    struct outcome o = {0};
    int64_t until_ms = monotonic_ms() + config()->request_timeout_s * 1000 + SILENCE_MS;
    for (int idle = 0; idle < 2 && reply_came(c, until_ms);) {
        PGresult *result = PQgetResult(c->pg);
        if (!result) {
            idle++;
            continue;
        }
        idle = 0;
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            return o;
        }
        if (is_read_only(result)) c->broken = true;
        note_result(&o, result, sql);
    }
    c->broken = true;
    if (o.err == OK) o.err = ERR_UNAVAILABLE;
    return o;
}

static bool send_simple(struct db_conn *c, const char *sql) {
    return PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0);
}

static bool send_scope(struct db_conn *c, const struct db_scope *scope, bool plan_for_values) {
    static const char sql[] = "select set_config('mdr.client', $1, true), set_config('mdr.tenants', $2, true)";
    static const char worker_sql[] = "select set_config('role', 'mdr_worker', true)";
    static const char plan_sql[] = "select set_config('plan_cache_mode', 'force_custom_plan', true)";
    const char *values[] = {scope->client_id, scope->tenants ? scope->tenants : "*"};
    if (plan_for_values && !send_simple(c, plan_sql)) return false;
    if (scope->worker) return send_simple(c, worker_sql);
    if (!is_prepared(c, 1)) {
        if (!PQsendPrepare(c->pg, "s1", sql, 2, NULL)) return false;
        c->prepared[c->prepared_n++] = 1;
    }
    return PQsendQueryPrepared(c->pg, "s1", 2, values, NULL, NULL, 0);
}

static bool send_statement(struct db_conn *c, const struct sql *q) {
    struct pq_params p = {0};
    params_for_pq(q, &p);
    if (q->plan_for_values || q->text.len > 16 * 1024)
        return PQsendQueryParams(c->pg, buf_text(&q->text), q->n, p.types, p.values, p.lengths, p.formats, 0);
    uint64_t hash = hash_add_text(HASH_START, buf_text(&q->text));
    char name[24];
    snprintf(name, sizeof name, "q%016llx", (unsigned long long)hash);
    if (!is_prepared(c, hash)) {
        if (!PQsendPrepare(c->pg, name, buf_text(&q->text), q->n, p.types)) return false;
        c->prepared[c->prepared_n++] = hash;
    }
    return PQsendQueryPrepared(c->pg, name, q->n, p.values, p.lengths, p.formats, 0);
}

/* After an error nobody knows which statements of the pipeline were prepared: forget all, drop all. */
static void forget_prepared(struct db_conn *c) {
    c->prepared_n = 0;
    if (c->broken) return;
    if (!send_simple(c, "deallocate all") || !PQpipelineSync(c->pg)) {
        c->broken = true;
        return;
    }
    struct outcome o = read_to_sync(c, "deallocate all");
    if (o.last) PQclear(o.last);
    if (o.err != OK) c->broken = true;
}

static enum err finish(struct db_conn *c, bool sent, struct rows *out, const char *sql) {
    if (!sent || !PQpipelineSync(c->pg)) {
        c->broken = true;
        return ERR_UNAVAILABLE;
    }
    struct outcome o = read_to_sync(c, sql);
    if (PQstatus(c->pg) != CONNECTION_OK) {
        c->broken = true;
        if (o.err == OK || o.err == ERR_INTERNAL) o.err = ERR_UNAVAILABLE;
    }
    if (o.err == OK && out) {
        *out = (struct rows){.result = o.last, .n = PQntuples(o.last)};
        return OK;
    }
    if (o.last) PQclear(o.last);
    return o.err;
}

static void make_room(struct db_conn *c) {
    if (c->prepared_n > PREPARED_MAX - 4) forget_prepared(c);
}

/* ---- reads ---- */

/* Up to its sync a pipeline is one implicit transaction. */
static enum err run_alone(struct db_conn *c, const struct db_scope *scope, struct rows *out, const struct sql *q,
                          bool sent) {
    sent = sent && send_scope(c, scope, q->plan_for_values) && send_statement(c, q);
    enum err e = finish(c, sent, out, buf_text(&q->text));
    if (e != OK) forget_prepared(c);
    return e;
}

static enum err read_once(struct db_conn *c, const struct db_scope *scope, struct rows *out, const struct sql *q) {
    make_room(c);
    return run_alone(c, scope, out, q, true);
}

static enum err read_keeping(const struct db_scope *scope, struct rows *out, const struct sql *q, int keep) {
    if (q->text.failed || q->values.failed) return ERR_TOO_LARGE;
    enum err e = ERR_UNAVAILABLE;
    /* A pooled connection may have died unnoticed: a read is safe to repeat on a new one. */
    for (int try = 0; try < 2; try++) {
        struct db_conn *c = NULL;
        TRY(checkout_usable(&c, keep));
        e = read_once(c, scope, out, q);
        bool again = c->broken;
        give_back(c);
        if (!again) return e;
    }
    return e;
}

enum err db_read_sql(const struct db_scope *scope, struct rows *out, struct sql *q) {
    return read_keeping(scope, out, q, pool.connections - leaving(RESERVED_FROM_LISTS));
}

enum err db_read(const struct db_scope *scope, struct rows *out, const char *sql, const char *types, ...) {
    scope_sql struct sql q;
    sql_init(&q);
    buf_adds(&q.text, sql);
    va_list args;
    va_start(args, types);
    params_add(&q, types, args);
    va_end(args);
    return read_keeping(scope, out, &q, 0);
}

/* ---- light writes ---- */

enum err db_write_light(const struct db_scope *scope, struct rows *out, struct sql *q) {
    static const char light[] =
        "select set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '500', true)";
    struct db_conn *c = NULL;
    if (q->text.failed || q->values.failed) return ERR_TOO_LARGE;
    TRY(checkout_usable(&c, 0));
    make_room(c);
    enum err e = run_alone(c, scope, out, q, send_simple(c, light));
    give_back(c);
    return e;
}

/* ---- transactions ---- */

enum err tx_begin(struct tx *tx, const struct db_scope *scope) {
    *tx = (struct tx){.scope = *scope, .queue = -1};
    return checkout_usable(&tx->conn, 0);
}

static void leave_queue(struct tx *tx) {
    if (tx->queue < 0) return;
    gate_leave(&pool.writers);
    gate_leave(&pool.queues[tx->queue]);
    tx->queue = -1;
}

enum err tx_begin_write(struct tx *tx, const struct db_scope *scope) {
    *tx = (struct tx){.scope = *scope, .queue = -1};
    int queue = (int)(hash_add_text(HASH_START, scope->client_id) % QUEUES);
    int64_t until_ms = monotonic_ms() + QUEUE_MS;
    if (!gate_enter(&pool.queues[queue], 0, until_ms)) return ERR_UNAVAILABLE;
    if (!gate_enter(&pool.writers, 0, until_ms)) {
        gate_leave(&pool.queues[queue]);
        return ERR_UNAVAILABLE;
    }
    tx->queue = queue;
    return checkout_usable(&tx->conn, 0);
}

static enum err run_once(struct tx *tx, struct rows *out, const struct sql *q) {
    struct db_conn *c = tx->conn;
    bool sent = true;
    if (!tx->begun) {
        make_room(c);
        sent = send_simple(c, "begin") && send_scope(c, &tx->scope, q->plan_for_values);
    }
    sent = sent && send_statement(c, q);
    enum err e = finish(c, sent, out, buf_text(&q->text));
    if (e == OK) tx->begun = true;
    return e;
}

enum err tx_run_sql(struct tx *tx, struct rows *out, struct sql *q) {
    if (tx->done) return ERR_UNAVAILABLE;
    if (q->text.failed || q->values.failed) return ERR_TOO_LARGE;
    bool first = !tx->begun;
    enum err e = run_once(tx, out, q);
    if (e != OK && first && tx->conn->broken && conn_usable(tx->conn)) e = run_once(tx, out, q);
    if (e == OK) return OK;
    tx->done = true;
    tx->begun = true;
    return e;
}

enum err tx_run(struct tx *tx, struct rows *out, const char *sql, const char *types, ...) {
    scope_sql struct sql q;
    sql_init(&q);
    buf_adds(&q.text, sql);
    va_list args;
    va_start(args, types);
    params_add(&q, types, args);
    va_end(args);
    return tx_run_sql(tx, out, &q);
}

static enum err end_with(struct tx *tx, const char *sql) {
    struct db_conn *c = tx->conn;
    bool sent = !c->broken && send_simple(c, sql);
    return finish(c, sent, NULL, sql);
}

enum err tx_commit(struct tx *tx) {
    if (tx->done) return ERR_UNAVAILABLE;
    tx->conn->warned = false;
    enum err e = tx->begun ? end_with(tx, "commit") : OK;
    /* "canceling wait for synchronous replication": here, but perhaps not on the standby */
    if (e == OK && tx->conn->warned) e = ERR_UNAVAILABLE;
    if (e != OK) tx->conn->broken = true;
    tx->done = true;
    tx->begun = false;
    tx_end(tx);
    return e == OK ? OK : ERR_UNAVAILABLE;
}

void tx_end(struct tx *tx) {
    if (tx->conn) {
        if (tx->begun && !tx->conn->broken) {
            if (end_with(tx, "rollback") != OK) tx->conn->broken = true;
            forget_prepared(tx->conn);
        }
        give_back(tx->conn);
        tx->conn = NULL;
    }
    leave_queue(tx);
    tx->done = true;
}

/* ---- administration ---- */

struct db_admin {
    PGconn *pg;
};

static void tell_notice(void *arg, const PGresult *notice) {
    (void)arg;
    (void)is_warning(notice);
}

struct db_admin *db_admin_open(const char *url) {
    PGconn *pg = open_pg(url, "mdr-gateway admin");
    if (PQstatus(pg) != CONNECTION_OK) {
        LOG(ERROR, "database_unreachable", log_s("message", PQerrorMessage(pg)));
        PQfinish(pg);
        return NULL;
    }
    PQsetNoticeReceiver(pg, tell_notice, NULL);
    struct db_admin *admin = calloc(1, sizeof *admin);
    if (!admin) return NULL;
    admin->pg = pg;
    return admin;
}

void db_admin_close(struct db_admin **admin) {
    if (!*admin) return;
    PQfinish((*admin)->pg);
    free(*admin);
    *admin = NULL;
}

static enum err admin_result(PGresult *result, struct rows *out, const char *sql) {
    ExecStatusType status = PQresultStatus(result);
    enum err e =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN ? OK : error_of(result, sql);
    if (e != OK) LOG(ERROR, "database_command_failed", log_s("message", PQresultErrorMessage(result)));
    if (e == OK && out) {
        *out = (struct rows){.result = result, .n = PQntuples(result)};
        return OK;
    }
    PQclear(result);
    return e;
}

enum err db_admin_run(struct db_admin *admin, const char *sql) {
    return admin_result(PQexec(admin->pg, sql), NULL, sql);
}

enum err db_admin_query(struct db_admin *admin, struct rows *out, const char *sql, const char *types, ...) {
    scope_sql struct sql q;
    sql_init(&q);
    va_list args;
    va_start(args, types);
    params_add(&q, types, args);
    va_end(args);
    struct pq_params p = {0};
    params_for_pq(&q, &p);
    return admin_result(PQexecParams(admin->pg, sql, q.n, p.types, p.values, p.lengths, p.formats, 0), out, sql);
}

enum err db_admin_copy_begin(struct db_admin *admin, const char *copy_sql) {
    return admin_result(PQexec(admin->pg, copy_sql), NULL, copy_sql);
}

enum err db_admin_copy_add(struct db_admin *admin, const char *data, size_t len) {
    return PQputCopyData(admin->pg, data, (int)len) == 1 ? OK : ERR_UNAVAILABLE;
}

enum err db_admin_copy_end(struct db_admin *admin) {
    if (PQputCopyEnd(admin->pg, NULL) != 1) return ERR_UNAVAILABLE;
    return admin_result(PQgetResult(admin->pg), NULL, "copy");
}
