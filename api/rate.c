#include "api/rate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"

/* A bucket may lie in any of the WAYS places of its set. */
enum { SETS = 1024, WAYS = 4, IPV6_NETWORK_BYTES = 8 };

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

struct bucket {
    uint64_t key;
    int64_t full_at_ns; /* when it will be full again; everything else about it follows */
};

static struct bucket table[SETS][WAYS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong refused[RATES];

/* Unguessable, so that nobody can choose an address or a name that shares another's bucket. */
static unsigned char secret[crypto_shorthash_KEYBYTES];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_secret(void) { randombytes_buf(secret, sizeof secret); }

static uint64_t hash_of(enum rate rate, const void *data, size_t len) {
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t key = 0;
    pthread_once(&once, make_secret);
    crypto_shorthash(hash, data, len, secret);
    _Static_assert(sizeof hash == sizeof key, "a key is a whole hash");
    memcpy(&key, hash, sizeof key);
    return key + (uint64_t)rate;
}

/* Whoever has an IPv6 address has the whole /64 that it lies in. */
static uint64_t key_of(enum rate rate, const char *who) {
    struct in6_addr v6;
    bool network = rate == RATE_ADDRESS && inet_pton(AF_INET6, who, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6);
    return network ? hash_of(rate, &v6, IPV6_NETWORK_BYTES) : hash_of(rate, who, strlen(who));
}

/* The caller's bucket, else the place of the one that has the least to remember. */
static struct bucket *find(uint64_t key) {
    struct bucket *set = table[key % SETS], *place = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key) return &set[i];
        if (set[i].full_at_ns < place->full_at_ns) place = &set[i];
    }
    *place = (struct bucket){.key = key};
    return place;
}

/* Nanoseconds until there is room; 0 = taken. */
static int64_t take(struct bucket *b, int64_t cost_ns, int64_t now_ns) {
    int64_t full_at_ns = (b->full_at_ns > now_ns ? b->full_at_ns : now_ns) + cost_ns;
    int64_t over_ns = full_at_ns - now_ns - RATE_BURST_S * NS_PER_S;
    if (over_ns > 0) return over_ns;
    b->full_at_ns = full_at_ns;
    return 0;
}

int rate_take_at(enum rate rate, const char *who, int64_t per_s, int64_t now_ms_) {
    if (!per_s) return 0;
    uint64_t key = key_of(rate, who);
    pthread_mutex_lock(&lock);
    int64_t wait_ns = take(find(key), NS_PER_S / per_s, now_ms_ * NS_PER_MS);
    pthread_mutex_unlock(&lock);
    if (!wait_ns) return 0;
    atomic_fetch_add_explicit(&refused[rate], 1, memory_order_relaxed);
    return (int)((wait_ns + NS_PER_S - 1) / NS_PER_S);
}

int rate_take(enum rate rate, const char *who, int64_t per_s) { return rate_take_at(rate, who, per_s, monotonic_ms()); }

unsigned long rate_refused(enum rate rate) { return atomic_load(&refused[rate]); }

const char *rate_name(enum rate rate) {
    static const char *const names[RATES] = {"session", "reserve", "address"};
    return names[rate];
}
