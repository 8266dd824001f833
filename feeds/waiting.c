#include "feeds/waiting.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/config.h"

static struct waiting *all;
static long streams, polls;
static atomic_ulong rows_sent;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct share {
    long client, reader;
};

static struct share share_of(const char *client_id, const char *reader_id) {
    struct share n = {0};
    for (const struct waiting *w = all; w; w = w->next) {
        if (strcmp(w->client_id, client_id) != 0) continue;
        n.client++;
        n.reader += !strcmp(w->reader_id, reader_id);
    }
    return n;
}

static long *count_of(const struct waiting *w) { return w->stream ? &streams : &polls; }

static void add(struct waiting *w) {
    w->entered = true;
    w->previous = NULL;
    w->next = all;
    if (all) all->previous = w;
    all = w;
    ++*count_of(w);
}

enum err waiting_enter(struct request *r, struct waiting *w, const char *client_id, const char *reader_id,
                       bool stream) {
    if (w->entered) return OK;
    w->client_id = client_id;
    w->reader_id = reader_id;
    w->stream = stream;
    pthread_mutex_lock(&lock);
    struct share share = share_of(client_id, reader_id);
    bool full = streams + polls >= config()->stream_limit;
    bool client_full = share.client >= config()->streams_per_client;
    bool reader_full = share.reader >= (config()->streams_per_client + 1) / 2;
    if (!full && !client_full && !reader_full) add(w);
    pthread_mutex_unlock(&lock);
    if (client_full) return fail(r, ERR_RATE, "This client has too many streams and waiting requests.");
    if (reader_full) return fail(r, ERR_RATE, "You have too many streams and waiting requests.");
    return full ? fail(r, ERR_UNAVAILABLE, "There are too many streams and waiting requests.") : OK;
}

void waiting_leave(struct waiting *w) {
    if (!w->entered) return;
    pthread_mutex_lock(&lock);
    if (w->next) w->next->previous = w->previous;
    if (w->previous)
        w->previous->next = w->next;
    else
        all = w->next;
    --*count_of(w);
    pthread_mutex_unlock(&lock);
    w->entered = false;
}

void waiting_sent(int rows) { atomic_fetch_add_explicit(&rows_sent, (unsigned long)rows, memory_order_relaxed); }

struct waiting_counts waiting_counts(void) {
    pthread_mutex_lock(&lock);
    struct waiting_counts counts = {.streams = streams, .polls = polls, .rows_sent = atomic_load(&rows_sent)};
    pthread_mutex_unlock(&lock);
    return counts;
}
