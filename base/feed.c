#include "base/feed.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

enum { SLOTS = 4096 };

/* One slot per hash: clients that share one take turns, which costs a query, never a wrong answer. */
static struct slot {
    char client_id[72];
    int64_t stamp, fresh_until_ms;
    uint64_t version; /* counts publications: what was asked before one is not learned after it */
} slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct slot *slot_of(const char *client_id) { return &slots[hash_add_text(HASH_START, client_id) % SLOTS]; }

void feed_published(const char *client_id, int64_t stamp) {
    pthread_mutex_lock(&lock);
    struct slot *s = slot_of(client_id);
    s->version++;
    if (!strcmp(s->client_id, client_id) && stamp > s->stamp) s->stamp = stamp;
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
    pthread_mutex_unlock(&lock);
}
