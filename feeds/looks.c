#include "feeds/looks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum {
    SLOTS = 256,
    KEY_BYTES = 64 * 1024,
    KEPT_BYTES = 32 * 1024, /* a look whose rows are more is not kept for those who come after its end */
};

struct look {
    struct buf key; /* all that the rows follow from, besides the stamp */
    int64_t stamp;  /* of the client, known before the look began */
    int refs;
    bool done;
    enum err result;
    struct ledger_page page;
    pthread_cond_t ended;
};

/* The newest look of each hash. */
static struct look *kept[SLOTS];
static struct looks_counts counts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void write_key(struct buf *b, const struct ledger_filter *f, int64_t after, int64_t limit) {
    buf_init(b, KEY_BYTES);
    json_open(b, '[');
    json_str(b, f->scope.client_id);
    json_str(b, f->scope.tenants);
    json_strings(b, &f->kinds);
    json_str(b, f->incident_id);
    json_str(b, f->ignore_self ? f->session_id : NULL);
    json_int(b, after);
    json_int(b, limit);
    json_close(b, ']');
}

static struct look **slot_of(const struct look *l) {
    return &kept[hash_add_text(HASH_START, buf_text(&l->key)) % SLOTS];
}

/* ---- under the lock ---- */

static void let_go(struct look *l) {
    if (!l || --l->refs) return;
    ledger_page_free(&l->page);
    buf_free(&l->key);
    pthread_cond_destroy(&l->ended);
    free(l);
}

static void keep(struct look *l) {
    struct look **slot = slot_of(l);
    let_go(*slot);
    *slot = l;
    l->refs++;
}

static void forget(struct look *l) {
    struct look **slot = slot_of(l);
    if (*slot != l) return;
    *slot = NULL;
    let_go(l);
}

/* One that sees all that `mine` has to see; NULL: there is none. */
static struct look *find(const struct look *mine) {
    struct look *l = *slot_of(mine);
    if (!l || l->stamp < mine->stamp || strcmp(buf_text(&l->key), buf_text(&mine->key)) != 0) return NULL;
    l->refs++;
    while (!l->done) pthread_cond_wait(&l->ended, &lock);
    return l;
}

/* ---- a look ---- */

static size_t bytes_of(const struct ledger_page *p) {
    size_t bytes = 0;
    for (int i = 0; i < p->n; i++) bytes += ledger_row_bytes(p, i);
    return bytes;
}

static void run(struct look *l, const struct ledger_filter *f, int64_t after, int64_t limit) {
    enum err e = ledger_read(f, after, limit, &l->page);
    pthread_mutex_lock(&lock);
    l->result = e;
    l->done = true;
    if (e != OK || bytes_of(&l->page) > KEPT_BYTES) forget(l);
    pthread_cond_broadcast(&l->ended);
    pthread_mutex_unlock(&lock);
}

static struct look *look_new(const struct ledger_filter *f, int64_t after, int64_t limit, int64_t stamp) {
    struct look *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    pthread_cond_init(&l->ended, NULL);
    write_key(&l->key, f, after, limit);
    l->stamp = stamp;
    l->refs = 1;
    return l;
}

enum err look_read(const struct ledger_filter *f, int64_t after, int64_t limit, int64_t stamp, struct look **look) {
    struct look *mine = *look = look_new(f, after, limit, stamp);
    if (!mine) return ERR_UNAVAILABLE;
    if (mine->key.failed) return ERR_TOO_LARGE;
    pthread_mutex_lock(&lock);
    struct look *other = find(mine);
    if (other) {
        counts.shared++;
        let_go(mine);
        *look = other;
    } else {
        counts.own++;
        keep(mine);
    }
    pthread_mutex_unlock(&lock);
    if (!other) run(mine, f, after, limit);
    return (*look)->result;
}

const struct ledger_page *look_page(const struct look *look) { return &look->page; }

void look_release(struct look **look) {
    pthread_mutex_lock(&lock);
    let_go(*look);
    pthread_mutex_unlock(&lock);
    *look = NULL;
}

struct looks_counts looks_counts(void) {
    pthread_mutex_lock(&lock);
    struct looks_counts now = counts;
    pthread_mutex_unlock(&lock);
    return now;
}
