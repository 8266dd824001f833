#include "notify/webhooks_lane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/feed.h"
#include "base/log.h"
#include "notify/readers.h"
#include "notify/retry.h"
#include "notify/webhook.h"

enum {
    SILENT_MS = 1500, /* without an answer for so long */
    FIRST_DELAY_MS = 1000,
    LOOK_GAP_MS = 5, /* between looks, at least; and ten times what a look takes */
    COUNT_MS = 2000,
    AWAY_MS = 2000,
    STOP_MS = 3000,
    BROKEN_MS = 60 * 1000,
    COMPLAIN_MS = 60 * 1000,
    EVENT_BYTES_MAX = 8 * 1024 * 1024,
    ARENA_BYTES = 1024 * 1024,
    FILTERED_PAGES_MAX = 50, /* in one go; then the others have their turn */
};
#define GIVE_UP_MS (3LL * 24 * 3600 * 1000)

/* Places in flight are kept apart, so that no receivers, however many, take those of the others: the healthy, those that failed
 * last time, and those that were healthy and have not answered for a while. */
enum place { HEALTHY, FAILING, SILENT, PLACES };
static const int places_max[PLACES] = {[HEALTHY] = 96, [FAILING] = 96, [SILENT] = 256};

/* One webhook that we hold, with its delivery in flight. */
struct delivery {
    struct delivery *next;
    struct arena arena;
    const char *client_id;
    struct reader reader;
    struct webhook webhook;
    struct webhook_event event;
    int64_t attempted_at, began_ms;
    enum place place;
};

static struct {
    pthread_mutex_t lock; /* pool, for who wakes it */
    pthread_t thread;
    struct http_out_pool *pool;
    struct delivery *flying;
    int taken[PLACES];
    bool more[SILENT]; /* there may be more of the healthy, of the failing */
    int64_t look_at_ms, look_not_before_ms, count_at_ms, complained_ms;
} lane = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_bool stop, heard, any; /* any: there are webhooks at all */
static struct {
    atomic_ulong outcomes[WEBHOOK_OUTCOMES];
    atomic_long behind, flying;
} counts;

/* ---- one delivery ---- */

static struct delivery *delivery_new(const char *client_id, const char *webhook_id) {
    struct delivery *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    arena_init(&d->arena, ARENA_BYTES);
    buf_init(&d->event.body, EVENT_BYTES_MAX);
    d->client_id = arena_strdup(&d->arena, client_id);
    d->reader = (struct reader){.kind = WEBHOOK_READER, .reader_id = arena_strdup(&d->arena, webhook_id)};
    return d;
}

static struct delivery *successor(const struct delivery *d) {
    struct delivery *next = delivery_new(d->client_id, d->reader.reader_id);
    if (!next) return NULL;
    const char *reader_id = next->reader.reader_id;
    next->reader = d->reader;
    next->reader.reader_id = reader_id;
    return next;
}

static void delivery_free(struct delivery *d) {
    webhook_wipe(&d->webhook);
    buf_free(&d->event.body);
    arena_free(&d->arena);
    free(d);
}

/* Losing the newest of these after a crash of the database means delivering again, so nobody waits for the disk. Nor do all webhooks
 * wait for a row that is locked. */
static enum err begin_light(struct tx *tx, const struct delivery *d) {
    struct db_scope scope = client_scope(d->client_id);
    TRY(tx_begin(tx, &scope));
    return tx_run(tx, NULL,
                  "select set_config('synchronous_commit', 'off', true), set_config('lock_timeout', '500', true)", "");
}

static enum err take(struct delivery *d, bool *ours) {
    scope_tx struct tx tx = {0};
    TRY(begin_light(&tx, d));
    TRY(reader_take(&tx, &d->reader, ours));
    return tx_commit(&tx);
}

static enum err move_on(struct delivery *d, int64_t position, bool keep, bool *ours) {
    scope_tx struct tx tx = {0};
    TRY(begin_light(&tx, d));
    TRY(reader_done(&tx, &d->reader, position, keep, ours));
    return tx_commit(&tx);
}

static enum err give_back(struct delivery *d) {
    scope_tx struct tx tx = {0};
    TRY(begin_light(&tx, d));
    TRY(reader_give_back(&tx, &d->reader));
    return tx_commit(&tx);
}

/* ---- sending ---- */

static void count_in(struct delivery *d) {
    d->place = d->reader.failures ? FAILING : HEALTHY;
    lane.taken[d->place]++;
    d->next = lane.flying;
    lane.flying = d;
}

static void count_out(struct delivery *d) {
    struct delivery **at = &lane.flying;
    while (*at != d) at = &(*at)->next;
    *at = d->next;
    lane.taken[d->place]--;
}

static enum err send_event(struct delivery *d) {
    struct webhook_request request;
    webhook_request(&d->webhook, &d->event, &request);
    d->attempted_at = now_ms();
    d->began_ms = monotonic_ms();
    if (!http_out_start(lane.pool, &request.http, d)) return ERR_UNAVAILABLE;
    buf_reset(&d->event.body);
    count_in(d);
    return OK;
}

/* Finds the next event of a webhook that we hold, and sends it. *flying false: there is none, and it was given back. */
static enum err send_next(struct delivery *d, bool *flying) {
    bool ours = true;
    int64_t upto = 0;
    *flying = false;
    d->event.position = 0;
    TRY(webhook_load(&d->arena, d->client_id, d->reader.reader_id, &d->webhook));
    for (int pages = 1; ours && d->event.position == 0; pages++) {
        TRY(webhook_next_event(&d->arena, d->client_id, &d->webhook, d->reader.position, &d->event, &upto,
                               &d->reader.newest));
        if (d->event.position) break;
        bool keep = upto < d->reader.newest && pages < FILTERED_PAGES_MAX;
        TRY(move_on(d, upto, keep, &ours));
        if (!keep) return OK;
    }
    if (!ours) return OK;
    TRY(send_event(d));
    *flying = true;
    return OK;
}

/* What fails for a reason of its own comes again later, behind the others. */
static enum err put_off(struct delivery *d, enum err why) {
    bool ours = false;
    LOG(ERROR, "webhook_broken", log_s("client_id", d->client_id), log_s("webhook_id", d->reader.reader_id),
        log_s("error", err_code(why)));
    scope_tx struct tx tx = {0};
    TRY(begin_light(&tx, d));
    TRY(reader_failed(&tx, &d->reader, BROKEN_MS, &ours));
    return tx_commit(&tx);
}

/* Goes on with a webhook that we hold; it is freed unless it flies. */
static enum err go_on(struct delivery *d) {
    bool flying = false;
    enum err e = send_next(d, &flying);
    if (e == ERR_NOT_FOUND) e = OK; /* deleted meanwhile */
    if (e != OK && e != ERR_UNAVAILABLE) e = put_off(d, e);
    if (!flying) delivery_free(d);
    return e;
}

static enum err begin_delivery(const char *client_id, const char *webhook_id) {
    bool ours = false;
    struct delivery *d = delivery_new(client_id, webhook_id);
    if (!d) return ERR_UNAVAILABLE;
    enum err e = take(d, &ours);
    if (e == OK && ours) return go_on(d);
    delivery_free(d);
    return e;
}

/* ---- what became of it ---- */

static enum err note_disabled(struct delivery *d, const struct webhook_attempt *a, const char *reason) {
    struct db_scope scope = client_scope(d->client_id);
    int64_t stamp = 0;
    bool ours = false;
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(reader_failed(&tx, &d->reader, 0, &ours));
    if (!ours) return OK;
    TRY(webhook_log(&tx, d->reader.reader_id, a, NULL));
    TRY(webhook_disable(&tx, d->reader.reader_id, reason, &stamp));
    TRY(tx_commit(&tx));
    feed_published(d->client_id, stamp);
    LOG(WARN, "webhook_disabled", log_s("client_id", d->client_id), log_s("webhook_id", d->reader.reader_id),
        log_s("reason", reason));
    return OK;
}

static enum err note_retry(struct delivery *d, struct webhook_attempt *a) {
    int64_t delay = retry_delay_ms(FIRST_DELAY_MS, d->reader.failures);
    bool ours = false;
    scope_tx struct tx tx = {0};
    a->retry_at = now_ms() + delay;
    TRY(begin_light(&tx, d));
    TRY(reader_failed(&tx, &d->reader, delay, &ours));
    if (!ours) return OK;
    TRY(webhook_log(&tx, d->reader.reader_id, a, NULL));
    return tx_commit(&tx);
}

/* *held: it is still ours, for the next event. */
static enum err note_delivered(struct delivery *d, const struct webhook_attempt *a, bool *held) {
    bool keep = d->reader.newest > d->event.position, ours = false;
    scope_tx struct tx tx = {0};
    TRY(begin_light(&tx, d));
    TRY(reader_done(&tx, &d->reader, d->event.position, keep, &ours));
    if (!ours) return OK;
    TRY(webhook_log(&tx, d->reader.reader_id, a, NULL));
    TRY(tx_commit(&tx));
    *held = keep;
    return OK;
}

static enum err note(struct delivery *d, const struct http_out_reply *reply, bool *held) {
    bool gone = reply->status == 410, accepted = webhook_accepted(reply);
    bool over = d->reader.failing_since && now_ms() - d->reader.failing_since > GIVE_UP_MS;
    struct webhook_attempt a = {.event = &d->event,
                                .reply = reply,
                                .outcome = accepted       ? WEBHOOK_DELIVERED
                                           : gone || over ? WEBHOOK_FAILED
                                                          : WEBHOOK_RETRYING,
                                .attempt = d->reader.failures + 1,
                                .attempted_at = d->attempted_at};
    atomic_fetch_add(&counts.outcomes[a.outcome], 1);
    if (accepted) return note_delivered(d, &a, held);
    return gone || over ? note_disabled(d, &a, gone ? "gone" : "failing") : note_retry(d, &a);
}

static void complain(enum err e) {
    lane.look_at_ms = lane.look_not_before_ms = monotonic_ms() + AWAY_MS;
    if (lane.complained_ms && monotonic_ms() - lane.complained_ms < COMPLAIN_MS) return;
    lane.complained_ms = monotonic_ms();
    LOG(WARN, "webhooks_wait", log_s("error", err_code(e)));
}

/* What the database did not hear of is delivered again when the lease is over. */
static void landed(struct delivery *d, const struct http_out_reply *reply) {
    bool held = false;
    count_out(d);
    enum err e = note(d, reply, &held);
    struct delivery *next = held && !atomic_load(&stop) ? successor(d) : NULL;
    if (held && !next) e = give_back(d);
    delivery_free(d);
    if (next) e = go_on(next);
    if (e != OK) complain(e);
}

/* ---- looking for those that are behind ---- */

/* One webhook that is held up does not hold up the others; a second one means that the database is away. */
static enum err look_for(enum place place) {
    int room = places_max[place] - lane.taken[place];
    enum err stuck = OK;
    scope_rows struct rows rows = {0};
    lane.more[place] = room <= 0;
    if (room <= 0) return OK;
    TRY(readers_find(WEBHOOK_READER, place == FAILING, room, &rows));
    lane.more[place] = rows.n == room;
    for (int i = 0; i < rows.n && !atomic_load(&stop); i++) {
        enum err e = begin_delivery(rows_text(&rows, i, 0), rows_text(&rows, i, 1));
        if (e != OK && stuck != OK) return e;
        if (e != OK) stuck = e;
    }
    return OK;
}

/* Who has not answered for a while gives its place among the healthy to others. */
static void sort_out(void) {
    int64_t now = monotonic_ms();
    for (struct delivery *d = lane.flying; d && lane.taken[SILENT] < places_max[SILENT]; d = d->next) {
        if (d->place != HEALTHY || now - d->began_ms < SILENT_MS) continue;
        d->place = SILENT;
        lane.taken[HEALTHY]--;
        lane.taken[SILENT]++;
    }
}

static enum err look(void) {
    int64_t began = monotonic_ms();
    atomic_store(&heard, false);
    TRY(look_for(HEALTHY));
    TRY(look_for(FAILING));
    int64_t now = monotonic_ms(), took = now - began;
    lane.look_not_before_ms = now + (took * 10 > LOOK_GAP_MS ? took * 10 : LOOK_GAP_MS);
    lane.look_at_ms = now + READER_LOOK_MS;
    return OK;
}

static enum err count(void) {
    int64_t all = 0, behind = 0;
    TRY(readers_count(WEBHOOK_READER, &all, &behind));
    atomic_store(&any, all > 0);
    lane.count_at_ms = monotonic_ms() + COUNT_MS;
    atomic_store(&counts.behind, (long)behind);
    return OK;
}

static bool has_room(enum place place) { return lane.more[place] && lane.taken[place] < places_max[place]; }

/* When to look again: soon where there is something to find, else for what other processes wrote. */
static int64_t next_look_ms(void) {
    return atomic_load(&heard) || has_room(HEALTHY) || has_room(FAILING) ? lane.look_not_before_ms : lane.look_at_ms;
}

static enum err look_about(void) {
    int64_t now = monotonic_ms();
    if (now < next_look_ms()) return OK;
    if (now >= lane.count_at_ms) TRY(count());
    return look();
}

static void turn(void) {
    void *user = NULL;
    struct http_out_reply reply;
    int64_t wait = next_look_ms() - monotonic_ms();
    http_out_work(lane.pool, wait < 0 ? 0 : wait > READER_LOOK_MS ? READER_LOOK_MS : (int)wait);
    while (http_out_ended(lane.pool, &user, &reply)) landed(user, &reply);
    sort_out();
    atomic_store(&counts.flying, lane.taken[HEALTHY] + lane.taken[FAILING] + lane.taken[SILENT]);
    enum err e = look_about();
    if (e != OK) complain(e);
}

/* ---- start, stop ---- */

static void hear(void) {
    if (!atomic_load(&any) || atomic_exchange(&heard, true)) return;
    pthread_mutex_lock(&lane.lock);
    if (lane.pool) http_out_wake(lane.pool);
    pthread_mutex_unlock(&lane.lock);
}

static void abandon(void *user) {
    struct delivery *d = user;
    count_out(d);
    if (give_back(d) != OK) LOG(WARN, "webhook_lease_left", log_s("webhook_id", d->reader.reader_id));
    delivery_free(d);
}

static void *run(void *arg) {
    (void)arg;
    while (!atomic_load(&stop)) turn();
    int64_t until = monotonic_ms() + STOP_MS;
    while (lane.flying && monotonic_ms() < until) {
        void *user = NULL;
        struct http_out_reply reply;
        http_out_work(lane.pool, 50);
        while (http_out_ended(lane.pool, &user, &reply)) landed(user, &reply);
    }
    return NULL;
}

static void set_pool(struct http_out_pool *pool) {
    pthread_mutex_lock(&lane.lock);
    lane.pool = pool;
    pthread_mutex_unlock(&lane.lock);
}

enum err webhooks_lane_start(void) {
    struct http_out_pool *pool = http_out_pool_new();
    if (!pool) return ERR_UNAVAILABLE;
    set_pool(pool);
    atomic_store(&stop, false);
    lane.look_at_ms = lane.count_at_ms = lane.look_not_before_ms = 0;
    if (pthread_create(&lane.thread, NULL, run, NULL) != 0) {
        set_pool(NULL);
        http_out_pool_free(pool, abandon);
        return ERR_UNAVAILABLE;
    }
    feed_listen(hear);
    return OK;
}

void webhooks_lane_stop(void) {
    struct http_out_pool *pool = lane.pool;
    if (!pool) return;
    atomic_store(&stop, true);
    http_out_wake(pool);
    pthread_join(lane.thread, NULL);
    set_pool(NULL);
    http_out_pool_free(pool, abandon);
}

void webhooks_metrics(struct buf *out) {
    buf_adds(out, "# HELP mdr_webhook_deliveries_total Attempts to deliver to webhooks, by outcome.\n"
                  "# TYPE mdr_webhook_deliveries_total counter\n");
    for (int i = 0; i < WEBHOOK_OUTCOMES; i++)
        buf_addf(out, "mdr_webhook_deliveries_total{outcome=\"%s\"} %lu\n", webhook_outcome_words[i],
                 atomic_load(&counts.outcomes[i]));
    buf_addf(out,
             "# HELP mdr_webhooks_in_flight Deliveries that this process waits for.\n"
             "# TYPE mdr_webhooks_in_flight gauge\nmdr_webhooks_in_flight %ld\n"
             "# HELP mdr_webhooks_behind Webhooks of the installation with rows to deliver, or to pass over.\n"
             "# TYPE mdr_webhooks_behind gauge\nmdr_webhooks_behind %ld\n",
             atomic_load(&counts.flying), atomic_load(&counts.behind));
}
