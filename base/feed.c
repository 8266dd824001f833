#include "base/feed.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/hash.h"

enum { SLOTS = 4096, WAKES = 256, ASKING_MS = 250 };

/* One slot per hash: clients that share one take turns, which costs a query, never a wrong answer. */
static struct slot {
    char client_id[72];
    int64_t stamp, fresh_until_ms;
    int64_t asking_until_ms; /* one of those who wait asks for all */
    uint64_t version;        /* counts publications: what was asked before one is not learned after it */
} slots[SLOTS];
static pthread_cond_t wakes[WAKES] = {[0 ... WAKES - 1] = PTHREAD_COND_INITIALIZER};
static void (*listeners[FEED_LISTENERS])(void);
static int listeners_n;
static bool stopped;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct slot *slot_of(const char *client_id) { return &slots[hash_add_text(HASH_START, client_id) % SLOTS]; }

static pthread_cond_t *wake_of(const struct slot *s) { return &wakes[(s - slots) % WAKES]; }

static void wake(const struct slot *s) { pthread_cond_broadcast(wake_of(s)); }

void feed_published(const char *client_id, int64_t stamp) {
    pthread_mutex_lock(&lock);
    struct slot *s = slot_of(client_id);
    s->version++;
    if (!strcmp(s->client_id, client_id) && stamp > s->stamp) s->stamp = stamp;
    wake(s);
    int n = listeners_n;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < n; i++) listeners[i]();
}

void feed_listen(void (*heard)(void)) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < listeners_n; i++)
        if (listeners[i] == heard) heard = NULL;
    if (heard && listeners_n < FEED_LISTENERS) listeners[listeners_n++] = heard;
    pthread_mutex_unlock(&lock);
}

bool feed_newest(const char *client_id, int64_t *stamp, uint64_t *version) {
    pthread_mutex_lock(&lock);
    const struct slot *s = slot_of(client_id);
    bool known = monotonic_ms() < s->fresh_until_ms && !strcmp(s->client_id, client_id);
    *stamp = s->stamp;
    *version = s->version;
    pthread_mutex_unlock(&lock);
    return known;
}

void feed_learned(const char *client_id, int64_t stamp, uint64_t version) {
    pthread_mutex_lock(&lock);
    struct slot *s = slot_of(client_id);
    if (s->version == version) {
        snprintf(s->client_id, sizeof s->client_id, "%s", client_id);
        s->stamp = stamp;
        s->fresh_until_ms = monotonic_ms() + FEED_FRESH_MS;
    }
    s->asking_until_ms = 0;
    wake(s);
    pthread_mutex_unlock(&lock);
}

static enum err ask(const char *client_id, int64_t *stamp, uint64_t version) {
    struct db_scope scope = client_scope(client_id);
    scope_rows struct rows rows = {0};
    TRY(db_read(&scope, &rows, "select stamp from clocks where client_id = $1", "s", client_id));
    *stamp = rows.n ? rows_int(&rows, 0, 0) : 0;
    feed_learned(client_id, *stamp, version);
    return OK;
}

enum err feed_stamp(const char *client_id, int64_t *stamp) {
    uint64_t version = 0;
    return feed_newest(client_id, stamp, &version) ? OK : ask(client_id, stamp, version);
}

/* ---- waiting ---- */

enum step { STEP_NEWER, STEP_OVER, STEP_ASK, STEP_AGAIN };

/* What a waiter does next; sleeps, where there is nothing to do, until something changes or falls due. */
static enum step next_step(struct slot *s, const char *client_id, int64_t after, int64_t until_ms, uint64_t *version) {
    int64_t now = monotonic_ms();
    bool known = now < s->fresh_until_ms && !strcmp(s->client_id, client_id);
    *version = s->version;
    if (known && s->stamp > after) return STEP_NEWER;
    if (stopped || now >= until_ms) return STEP_OVER;
    if (!known && now >= s->asking_until_ms) {
        s->asking_until_ms = now + ASKING_MS;
        return STEP_ASK;
    }
    int64_t wake_ms = known ? s->fresh_until_ms : s->asking_until_ms;
    if (wake_ms > until_ms) wake_ms = until_ms;
    struct timespec at = monotonic_at(wake_ms);
    pthread_cond_clockwait(wake_of(s), &lock, CLOCK_MONOTONIC, &at);
    return STEP_AGAIN;
}

bool feed_wait(const char *client_id, int64_t after, int64_t until_ms) {
    struct slot *s = slot_of(client_id);
    for (;;) {
        int64_t stamp = 0;
        uint64_t version = 0;
        pthread_mutex_lock(&lock);
        enum step step = next_step(s, client_id, after, until_ms, &version);
        pthread_mutex_unlock(&lock);
        if (step == STEP_NEWER || step == STEP_OVER) return step == STEP_NEWER;
        /* while the database is away: asked again when asking_until_ms has passed */
        if (step == STEP_ASK && ask(client_id, &stamp, version) == OK && stamp > after) return true;
    }
}

static void set_stopped(bool stop) {
    pthread_mutex_lock(&lock);
    stopped = stop;
    for (int i = 0; i < WAKES; i++) pthread_cond_broadcast(&wakes[i]);
    pthread_mutex_unlock(&lock);
}

bool feed_stopped(void) {
    pthread_mutex_lock(&lock);
    bool is = stopped;
    pthread_mutex_unlock(&lock);
    return is;
}

void feed_stop(void) { set_stopped(true); }

void feed_start(void) { set_stopped(false); }
