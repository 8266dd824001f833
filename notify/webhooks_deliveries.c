/* webhooks/deliveries, test, redeliver. The last two send one event now, outside the order, and answer what came of it. They hold no
 * database connection meanwhile, and are limited so that they are no scanner of ports. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/write.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/strings.h"
#include "build/gen/operations.h"
#include "notify/webhook.h"
#include "notify/webhooks.h"

enum { WINDOW_MS = 60 * 1000, PER_WINDOW = 30, AT_ONCE = 4, AT_ONCE_ALL = 32, SLOTS = 256 };

static enum err guard_webhook(struct request *r, const char *webhook_id) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows, "select 1 from webhooks where client_id = $1 and webhook_id = $2", "ss", r->client_id,
                webhook_id));
    return rows.n ? OK : fail_not_found(r);
}

enum err webhooks_deliveries(struct request *r, const struct webhooks_deliveries_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    TRY(webhooks_guard(r));
    TRY(guard_webhook(r, args->webhook_id));
    sql_add(&q, "select webhook_delivery_body(d) from webhook_deliveries d where client_id = ? and webhook_id = ?",
            "ss", r->client_id, args->webhook_id);
    sql_add_any(&q, "state", &args->states);
    sql_add(&q, " order by attempted_at desc, attempt_id limit ? offset ?", "ii", args->page_size,
            (args->page - 1) * args->page_size);
    TRY(db_read_sql(&r->scope, &rows, &q));
    rows_json(&rows, &out->body);
    return OK;
}

/* ---- how many ---- */

/* One slot per hash: clients that share one share its number. */
static struct {
    int64_t since_ms;
    int sent, flying;
} slots[SLOTS];
static int flying_all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t slot_of(const char *client_id) { return hash_add_text(HASH_START, client_id) % SLOTS; }

static bool enter(size_t slot) {
    int64_t now = monotonic_ms();
    pthread_mutex_lock(&lock);
    if (now - slots[slot].since_ms >= WINDOW_MS) {
        slots[slot].since_ms = now;
        slots[slot].sent = 0;
    }
    bool may = slots[slot].sent < PER_WINDOW && slots[slot].flying < AT_ONCE && flying_all < AT_ONCE_ALL;
    if (may) {
        slots[slot].sent++;
        slots[slot].flying++;
        flying_all++;
    }
    pthread_mutex_unlock(&lock);
    return may;
}

static void leave(size_t slot) {
    pthread_mutex_lock(&lock);
    slots[slot].flying--;
    flying_all--;
    pthread_mutex_unlock(&lock);
}

static enum err send_limited(struct request *r, const struct webhook *w, const struct webhook_event *event,
                             struct http_out_reply *reply) {
    size_t slot = slot_of(r->client_id);
    struct webhook_request request;
    webhook_request(w, event, &request);
    if (!enter(slot)) {
        r->fault.retry_after_s = WINDOW_MS / 1000;
        return fail(r, ERR_RATE, "At most %d events a minute are sent on request, %d at once.", PER_WINDOW, AT_ONCE);
    }
    bool sent = http_out_send(&request.http, reply);
    leave(slot);
    return sent ? OK : ERR_UNAVAILABLE;
}

/* ---- sending one now ---- */

static enum err send_now(struct request *r, const struct webhook *w, const struct webhook_event *event,
                         struct reply *out) {
    struct http_out_reply reply;
    struct webhook_attempt a = {.event = event, .reply = &reply, .attempt = 1, .attempted_at = now_ms()};
    TRY(send_limited(r, w, event, &reply));
    a.outcome = webhook_accepted(&reply) ? WEBHOOK_DELIVERED : WEBHOOK_FAILED;
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    TRY(webhook_lock(r, &tx, w->webhook_id)); /* it may be gone by now */
    TRY(webhook_log(&tx, w->webhook_id, &a, &out->body));
    return write_commit(r, &tx, 0, out);
}

static enum err load(struct request *r, const char *webhook_id, struct webhook *w) {
    TRY(webhooks_guard(r));
    enum err e = webhook_load(r->arena, r->client_id, webhook_id, w);
    return e == ERR_NOT_FOUND ? fail_not_found(r) : e;
}

enum err webhooks_test(struct request *r, const struct webhooks_test_args *args, struct reply *out) {
    struct webhook w;
    struct webhook_event event = {.position = 0};
    TRY(load(r, args->webhook_id, &w));
    buf_init(&event.body, WEBHOOK_EVENT_BYTES_MAX);
    webhook_test_event(&w, &event);
    enum err e = send_now(r, &w, &event, out);
    buf_free(&event.body);
    webhook_wipe(&w);
    return e;
}

/* "msg_<webhook id>_<position>" of this webhook; 0: none of its. */
static int64_t position_of(const char *delivery_id, const char *webhook_id) {
    size_t len = strlen(webhook_id);
    unsigned long long position = 0;
    if (strncmp(delivery_id, "msg_", 4) || strncmp(delivery_id + 4, webhook_id, len) || delivery_id[4 + len] != '_')
        return 0;
    return parse_uint(delivery_id + 5 + len, INT64_MAX, &position) ? (int64_t)position : 0;
}

/* The row at that position, whatever the filter says now, as long as it is of a kind that the webhook is told of. */
static enum err find_event(struct request *r, struct webhook *w, int64_t position, struct webhook_event *event) {
    struct webhook unfiltered = {.webhook_id = w->webhook_id, .kinds = w->kinds};
    int64_t upto = 0, newest = 0;
    if (position < 1) return fail_not_found(r);
    TRY(webhook_next_event(r->arena, r->client_id, &unfiltered, position - 1, event, &upto, &newest));
    return event->position == position ? OK : fail_not_found(r);
}

enum err webhooks_redeliver(struct request *r, const struct webhooks_redeliver_args *args, struct reply *out) {
    struct webhook w;
    struct webhook_event event = {.position = 0};
    TRY(load(r, args->webhook_id, &w));
    buf_init(&event.body, WEBHOOK_EVENT_BYTES_MAX);
    int64_t position = args->delivery_id ? position_of(args->delivery_id, args->webhook_id) : args->position;
    enum err e = find_event(r, &w, position, &event);
    if (e == OK) e = send_now(r, &w, &event, out);
    buf_free(&event.body);
    webhook_wipe(&w);
    return e;
}
