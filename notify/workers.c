#include "notify/workers.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/log.h"
#include "incidents/autoclose.h"
#include "notify/licence.h"
#include "notify/notices.h"
#include "notify/outbox.h"
#include "notify/trim.h"
#include "notify/webhooks_lane.h"
#include "reports/schedule_run.h"
#include "responses/deadline.h"
#include "responses/release.h"
#include "responses/task.h"

enum { TICK_MS = 500, AWAY_MS = 5000, BATCH = 100, RETRY_MS = 60 * 1000, COMPLAIN_MS = 60 * 1000 };

/* Mail servers may be slow: a lane of its own, so that no deadline waits for them. */
enum lane { LANE_STATE, LANE_MAIL, LANES };

static const struct {
    const char *kind;
    enum lane lane;
    enum err (*run)(const char *client_id, const char *object_id);
} jobs[] = {
    {"decide", LANE_STATE, deadline_run},    {"close", LANE_STATE, autoclose_run},
    {"execute", LANE_STATE, task_clock_run}, {"release", LANE_STATE, release_run},
    {"schedule", LANE_STATE, schedule_due},  {"notify", LANE_MAIL, notices_due},
    {"licence", LANE_MAIL, licence_due},     {"mail", LANE_MAIL, mail_due},
    {"trim", LANE_MAIL, trim_due},
};
enum { JOBS = sizeof jobs / sizeof *jobs };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t threads[LANES];
    int running;
    bool stop;
} workers = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static bool stopping(void) {
    pthread_mutex_lock(&workers.lock);
    bool stop = workers.stop;
    pthread_mutex_unlock(&workers.lock);
    return stop;
}

static void sleep_ms(int ms) {
    struct timespec until = monotonic_at(monotonic_ms() + ms);
    pthread_mutex_lock(&workers.lock);
    if (!workers.stop) pthread_cond_clockwait(&workers.wake, &workers.lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&workers.lock);
}

/* ---- one job ---- */

static int job_of(const char *kind) {
    for (int i = 0; i < JOBS; i++)
        if (!strcmp(jobs[i].kind, kind)) return i;
    return -1;
}

/* What failed for a reason of its own comes again later, behind the others. */
static enum err postpone(const char *client_id, const char *kind, const char *object_id) {
    struct db_scope scope = client_scope(client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(tx_run(&tx, NULL,
               "update due set due_at = " SQL_NOW_MS " + $4"
               " where client_id = $1 and kind = $2 and object_id = $3",
               "sssi", client_id, kind, object_id, (int64_t)RETRY_MS));
    return tx_commit(&tx);
}

static enum err run_job(const char *client_id, const char *kind, const char *object_id) {
    int job = job_of(kind);
    if (job < 0) return OK;
    enum err e = jobs[job].run(client_id, object_id);
    if (e == OK || e == ERR_UNAVAILABLE) return e;
    LOG(ERROR, "job_failed", log_s("kind", kind), log_s("client_id", client_id), log_s("object_id", object_id),
        log_s("error", err_code(e)));
    return postpone(client_id, kind, object_id);
}

/* ---- a lane ---- */

/* now(), not SQL_NOW_MS: the same for all rows, so that an index serves. */
static enum err find_due(enum lane lane, struct rows *out) {
    const char *names[JOBS];
    struct strings kinds = {.v = names};
    for (int i = 0; i < JOBS; i++)
        if (jobs[i].lane == lane) names[kinds.n++] = jobs[i].kind;
    struct db_scope scope = {.client_id = "", .worker = true};
    return db_read(&scope, out,
                   "select client_id, kind, object_id from due"
                   " where due_at <= (extract(epoch from now()) * 1000)::bigint and kind = any($1)"
                   " order by due_at limit $2",
                   "Si", &kinds, (int64_t)BATCH);
}

/* One client whose rows are held up does not hold up the others; a second one means that the database is away. */
static enum err run_batch(enum lane lane, bool *more) {
    scope_rows struct rows rows = {0};
    const char *stuck = NULL;
    TRY(find_due(lane, &rows));
    for (int i = 0; i < rows.n && !stopping(); i++) {
        const char *client_id = rows_text(&rows, i, 0);
        if (stuck && !strcmp(stuck, client_id)) continue;
        if (run_job(client_id, rows_text(&rows, i, 1), rows_text(&rows, i, 2)) == OK) continue;
        if (stuck) return ERR_UNAVAILABLE;
        stuck = client_id;
    }
    *more = rows.n == BATCH && !stuck;
    return OK;
}

static void complain(enum lane lane, enum err e, int64_t *last_ms) {
    if (*last_ms && monotonic_ms() - *last_ms < COMPLAIN_MS) return;
    *last_ms = monotonic_ms();
    LOG(WARN, "worker_waits", log_i("lane", lane), log_s("error", err_code(e)));
}

static void *run_lane(void *arg) {
    enum lane lane = (enum lane)(intptr_t)arg;
    int64_t complained_ms = 0;
    while (!stopping()) {
        bool more = false;
        enum err e = lane == LANE_MAIL ? notices_look() : OK;
        if (e == OK) e = run_batch(lane, &more);
        if (e != OK) complain(lane, e, &complained_ms);
        if (!more) sleep_ms(e == OK ? TICK_MS : AWAY_MS);
    }
    return NULL;
}

/* ---- start, stop ---- */

enum err workers_start(void) {
    workers.stop = false;
    for (workers.running = 0; workers.running < LANES; workers.running++) {
        void *lane = (void *)(intptr_t)workers.running;
        if (pthread_create(&workers.threads[workers.running], NULL, run_lane, lane) == 0) continue;
        LOG(ERROR, "worker_not_started", log_i("lane", workers.running));
        workers_stop();
        return ERR_UNAVAILABLE;
    }
    enum err e = webhooks_lane_start();
    if (e != OK) workers_stop();
    return e;
}

void workers_stop(void) {
    webhooks_lane_stop();
    pthread_mutex_lock(&workers.lock);
    workers.stop = true;
    pthread_cond_broadcast(&workers.wake);
    pthread_mutex_unlock(&workers.lock);
    while (workers.running) pthread_join(workers.threads[--workers.running], NULL);
}
