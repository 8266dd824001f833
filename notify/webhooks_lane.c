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
    LOOK_GAP_MS = 5, /* between looks, at least; and four times what looking took */
    LANES = 4,       /* threads: each waits for the database several times per delivery */
    COUNT_MS = 2000,
    AWAY_MS = 2000,
    STOP_MS = 3000,
    BROKEN_MS = 60 * 1000,
    COMPLAIN_MS = 60 * 1000,
    ARENA_BYTES = 1024 * 1024,
    FILTERED_PAGES_MAX = 50, /* in one go; then the others have their turn */
};
#define GIVE_UP_MS (3LL * 24 * 3600 * 1000)

/* Places in flight are kept apart, so that no receivers, however many, take those of the others: the healthy, those that failed
 * last time, and those that were healthy and have not answered for a while. */
enum place { HEALTHY, FAILING, SILENT, PLACES };
static const int places_max[PLACES] = {[HEALTHY] = 64, [FAILING] = 32, [SILENT] = 64}; /* per lane */

/* One webhook that we hold, with its delivery in flight. */
struct delivery {
    struct delivery *next;
    struct lane *lane;
    struct arena arena;
    const char *client_id;
    struct reader reader;
    struct webhook webhook;
    struct webhook_event event;
    int64_t attempted_at, began_ms;
    enum place place;
};

static struct lane {
    int number;
    pthread_mutex_t lock; /* pool, for who wakes it */
    pthread_t thread;
    struct http_out_pool *pool;
    struct delivery *flying;
    int taken[PLACES];
    bool more[SILENT]; /* there may be more of the healthy, of the failing */
    atomic_bool heard; /* something was written since the last look */
    int64_t look_at_ms, look_not_before_ms, count_at_ms, complained_ms;
} lanes[LANES] = {[0 ... LANES - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

static atomic_bool stop, any; /* any: there are webhooks at all */
static struct {
    atomic_ulong outcomes[WEBHOOK_OUTCOMES];
    atomic_long behind, flying;
} counts;

/* ---- one delivery ---- */

static struct delivery *delivery_new(struct lane *l, const char *client_id, const char *webhook_id) {
    struct delivery *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->lane = l;
    arena_init(&d->arena, ARENA_BYTES);
    buf_init(&d->event.body, WEBHOOK_EVENT_BYTES_MAX);
    d->client_id = arena_strdup(&d->arena, client_id);
    d->reader = (struct reader){.kind = WEBHOOK_READER, .reader_id = arena_strdup(&d->arena, webhook_id)};
    return d;
}

static struct delivery *successor(const struct delivery *d) {
    struct delivery *next = delivery_new(d->lane, d->client_id, d->reader.reader_id);
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

/* Takes a webhook and reads it, in one round trip. */
static enum err take(struct delivery *d, bool *ours) {
    struct db_scope scope = client_scope(d->client_id);
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q, "with t as (", "");
    reader_take_sql(&q, d->client_id, &d->reader);
    sql_add(&q, ") select t.*, ", "");
    sql_add(&q, webhook_columns, "");
    sql_add(&q, " from t left join webhooks w on w.client_id = ? and w.webhook_id = ?", "ss", d->client_id,
            d->reader.reader_id);
    TRY(db_write_light(&scope, &rows, &q));
    *ours = rows.n > 0;
    if (!*ours) return OK;
    reader_read(&rows, &d->reader);
    return webhook_read(&d->arena, d->client_id, d->reader.reader_id, &rows, 5, &d->webhook);
}

static enum err move_on(struct delivery *d, int64_t position, bool keep, bool *ours) {
    struct db_scope scope = client_scope(d->client_id);
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    reader_done_sql(&q, d->client_id, &d->reader, position, keep);
    TRY(db_write_light(&scope, &rows, &q));
    *ours = rows.n > 0;
    if (*ours) d->reader.position = position;
    return OK;
}

static enum err give_back(struct delivery *d) {
    struct db_scope scope = client_scope(d->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(reader_give_back(&tx, &d->reader));
    return tx_commit(&tx);
}

/* ---- sending ---- */

static void count_in(struct delivery *d) {
    struct lane *l = d->lane;
    d->place = d->reader.failures ? FAILING : HEALTHY;
    l->taken[d->place]++;
    atomic_fetch_add(&counts.flying, 1);
    d->next = l->flying;
    l->flying = d;
}

static void count_out(struct delivery *d) {
    struct delivery **at = &d->lane->flying;
    while (*at != d) at = &(*at)->next;
    *at = d->next;
    d->lane->taken[d->place]--;
    atomic_fetch_sub(&counts.flying, 1);
}

static enum err send_event(struct delivery *d) {
    struct webhook_request request;
    webhook_request(&d->webhook, &d->event, &request);
    d->attempted_at = now_ms();
    d->began_ms = monotonic_ms();
    if (!http_out_start(d->lane->pool, &request.http, d)) return ERR_UNAVAILABLE;
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
    struct db_scope scope = client_scope(d->client_id);
    scope_sql struct sql q;
    LOG(ERROR, "webhook_broken", log_s("client_id", d->client_id), log_s("webhook_id", d->reader.reader_id),
        log_s("error", err_code(why)));
    sql_init(&q);
    reader_failed_sql(&q, d->client_id, &d->reader, BROKEN_MS);
    return db_write_light(&scope, NULL, &q);
}

/* Goes on with a webhook that we hold, e being how reading it went; it is freed unless it flies. */
static enum err go_on(struct delivery *d, enum err e) {
    bool flying = false;
    if (e == OK) e = send_next(d, &flying);
    if (e == ERR_NOT_FOUND) e = OK; /* deleted meanwhile */
    if (e != OK && e != ERR_UNAVAILABLE) e = put_off(d, e);
    if (!flying) delivery_free(d);
    return e;
}

static enum err begin_delivery(struct lane *l, const char *client_id, const char *webhook_id) {
    bool ours = false;
    struct delivery *d = delivery_new(l, client_id, webhook_id);
    if (!d) return ERR_UNAVAILABLE;
    enum err e = take(d, &ours);
    if (ours) return go_on(d, e);
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

/* The reader's statement and the row of the log in one round trip. */
static enum err log_with(struct delivery *d, struct sql *q, const struct webhook_attempt *a, struct rows *rows) {
    struct db_scope scope = client_scope(d->client_id);
    sql_add(q, "), logged as (", "");
    webhook_log_sql(q, d->client_id, d->reader.reader_id, a, "r");
    sql_add(q, ") select * from r", "");
    return db_write_light(&scope, rows, q);
}

static enum err note_retry(struct delivery *d, struct webhook_attempt *a) {
    int64_t delay = retry_delay_ms(FIRST_DELAY_MS, d->reader.failures);
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    a->retry_at = now_ms() + delay;
    sql_add(&q, "with r as (", "");
    reader_failed_sql(&q, d->client_id, &d->reader, delay);
    return log_with(d, &q, a, &rows);
}

/* *held: it is still ours, for the next event. */
static enum err note_delivered(struct delivery *d, const struct webhook_attempt *a, bool *held) {
    bool keep = d->reader.newest > d->event.position;
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q, "with r as (", "");
    reader_done_sql(&q, d->client_id, &d->reader, d->event.position, keep);
    TRY(log_with(d, &q, a, &rows));
    *held = keep && rows.n > 0;
    if (!rows.n) return OK;
    d->reader.position = d->event.position;
    d->reader.newest = rows_int(&rows, 0, 0);
    d->reader.failures = d->reader.failing_ms = 0;
    return webhook_trim_log(d->client_id, d->reader.reader_id);
}

static enum err note(struct delivery *d, const struct http_out_reply *reply, bool *held) {
    bool gone = reply->status == 410, accepted = webhook_accepted(reply);
    bool over = d->reader.failing_ms > GIVE_UP_MS;
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

static void complain(struct lane *l, enum err e) {
    l->look_at_ms = l->look_not_before_ms = monotonic_ms() + AWAY_MS;
    if (l->complained_ms && monotonic_ms() - l->complained_ms < COMPLAIN_MS) return;
    l->complained_ms = monotonic_ms();
    LOG(WARN, "webhooks_wait", log_s("error", err_code(e)));
}

/* What the database did not hear of is delivered again when the lease is over. */
static void landed(struct delivery *d, const struct http_out_reply *reply) {
    bool held = false;
    struct lane *l = d->lane;
    count_out(d);
    enum err e = note(d, reply, &held);
    struct delivery *next = held && !atomic_load(&stop) ? successor(d) : NULL;
    if (held && !next) e = give_back(d);
    delivery_free(d);
    if (next) e = go_on(next, webhook_load(&next->arena, next->client_id, next->reader.reader_id, &next->webhook));
    if (e != OK) complain(l, e);
}

/* ---- looking for those that are behind ---- */

/* One webhook that is held up does not hold up the others; a second one means that the database is away. */
static enum err look_for(struct lane *l, enum place place, int64_t *took_ms) {
    int room = places_max[place] - l->taken[place];
    enum err stuck = OK;
    scope_rows struct rows rows = {0};
    l->more[place] = room <= 0;
    if (room <= 0) return OK;
    int64_t began = monotonic_ms();
    TRY(readers_find_part(WEBHOOK_READER, place == FAILING, LANES, l->number, room, &rows));
    *took_ms += monotonic_ms() - began;
    l->more[place] = rows.n == room;
    for (int i = 0; i < rows.n && !atomic_load(&stop); i++) {
        enum err e = begin_delivery(l, rows_text(&rows, i, 0), rows_text(&rows, i, 1));
        if (e != OK && stuck != OK) return e;
        if (e != OK) stuck = e;
    }
    return OK;
}

/* Who has not answered for a while gives its place among the healthy to others. */
static void sort_out(struct lane *l) {
    int64_t now = monotonic_ms();
    for (struct delivery *d = l->flying; d && l->taken[SILENT] < places_max[SILENT]; d = d->next) {
        if (d->place != HEALTHY || now - d->began_ms < SILENT_MS) continue;
        d->place = SILENT;
        l->taken[HEALTHY]--;
        l->taken[SILENT]++;
    }
}

static enum err look(struct lane *l) {
    int64_t took_ms = 0;
    atomic_store(&l->heard, false);
    TRY(look_for(l, HEALTHY, &took_ms));
    TRY(look_for(l, FAILING, &took_ms));
    int64_t now = monotonic_ms();
    l->look_not_before_ms = now + (took_ms * 4 > LOOK_GAP_MS ? took_ms * 4 : LOOK_GAP_MS);
    l->look_at_ms = now + READER_LOOK_MS;
    return OK;
}

static enum err count(struct lane *l) {
    int64_t all = 0, behind = 0;
    TRY(readers_count(WEBHOOK_READER, &all, &behind));
    atomic_store(&any, all > 0);
    l->count_at_ms = monotonic_ms() + COUNT_MS;
    atomic_store(&counts.behind, (long)behind);
    return OK;
}

static bool has_room(const struct lane *l, enum place place) {
    return l->more[place] && l->taken[place] < places_max[place];
}

/* When to look again: soon where there is something to find, else for what other processes wrote. */
static int64_t next_look_ms(const struct lane *l) {
    return atomic_load(&l->heard) || has_room(l, HEALTHY) || has_room(l, FAILING) ? l->look_not_before_ms
                                                                                  : l->look_at_ms;
}

static enum err look_about(struct lane *l) {
    int64_t now = monotonic_ms();
    if (now < next_look_ms(l)) return OK;
    if (l->number == 0 && now >= l->count_at_ms) TRY(count(l));
    return look(l);
}

static void turn(struct lane *l) {
    void *user = NULL;
    struct http_out_reply reply;
    int64_t wait = next_look_ms(l) - monotonic_ms();
    http_out_work(l->pool, wait < 0 ? 0 : wait > READER_LOOK_MS ? READER_LOOK_MS : (int)wait);
    while (http_out_ended(l->pool, &user, &reply)) landed(user, &reply);
    sort_out(l);
    enum err e = look_about(l);
    if (e != OK) complain(l, e);
}

/* ---- start, stop ---- */

static void wake(struct lane *l) {
    pthread_mutex_lock(&l->lock);
    if (l->pool) http_out_wake(l->pool);
    pthread_mutex_unlock(&l->lock);
}

static void hear(void) {
    if (!atomic_load(&any)) return;
    for (int i = 0; i < LANES; i++)
        if (!atomic_exchange(&lanes[i].heard, true)) wake(&lanes[i]);
}

static void abandon(void *user) {
    struct delivery *d = user;
    count_out(d);
    if (give_back(d) != OK) LOG(WARN, "webhook_lease_left", log_s("webhook_id", d->reader.reader_id));
    delivery_free(d);
}

static void *run(void *arg) {
    struct lane *l = arg;
    while (!atomic_load(&stop)) turn(l);
    int64_t until = monotonic_ms() + STOP_MS;
    while (l->flying && monotonic_ms() < until) {
        void *user = NULL;
        struct http_out_reply reply;
        http_out_work(l->pool, 50);
        while (http_out_ended(l->pool, &user, &reply)) landed(user, &reply);
    }
    return NULL;
}

static void set_pool(struct lane *l, struct http_out_pool *pool) {
    pthread_mutex_lock(&l->lock);
    l->pool = pool;
    pthread_mutex_unlock(&l->lock);
}

static enum err start(struct lane *l, int number) {
    struct http_out_pool *pool = http_out_pool_new();
    if (!pool) return ERR_UNAVAILABLE;
    l->number = number;
    l->look_at_ms = l->count_at_ms = l->look_not_before_ms = 0;
    set_pool(l, pool);
    if (pthread_create(&l->thread, NULL, run, l) == 0) return OK;
    set_pool(l, NULL);
    http_out_pool_free(pool, abandon);
    return ERR_UNAVAILABLE;
}

static void finish(struct lane *l) {
    struct http_out_pool *pool = l->pool;
    if (!pool) return;
    pthread_join(l->thread, NULL);
    set_pool(l, NULL);
    http_out_pool_free(pool, abandon);
}

enum err webhooks_lane_start(void) {
    atomic_store(&stop, false);
    for (int i = 0; i < LANES; i++) {
        if (start(&lanes[i], i) == OK) continue;
        webhooks_lane_stop();
        return ERR_UNAVAILABLE;
    }
    feed_listen(hear);
    return OK;
}

void webhooks_lane_stop(void) {
    atomic_store(&stop, true);
    for (int i = 0; i < LANES; i++) wake(&lanes[i]);
    for (int i = 0; i < LANES; i++) finish(&lanes[i]);
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
