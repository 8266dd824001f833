#include "base/pages.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum {
    BUCKETS = 1024,
    WAYS = 8,
    SLOTS = BUCKETS * WAYS,
    LIST_BYTES_MAX = 8 * 1024 * 1024, /* of ids in one statement */
    GIVEN_BYTES_MAX = 64 * 1024 * 1024
};

/* Ends of pages. A bucket that is full forgets what was used longest ago. The reader is compared, what he lists goes by its
 * hash: who makes two of them collide misleads only himself. */
static struct slot {
    char reader[sizeof((struct walk *)0)->reader];
    uint64_t listing;
    int64_t page;
    uint64_t used; /* in ticks; 0 = free */
    struct place end;
} slots[SLOTS];
static uint64_t ticks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- orders ---- */

const struct order *order_named(const struct order *orders, size_t n, const char *sort) {
    for (size_t i = 0; sort && i < n; i++)
        if (!strcmp(orders[i].sort, sort)) return &orders[i];
    return orders;
}

void order_add(const struct order *o, struct sql *q, const char *table) {
    char piece[160];
    const char *way = o->descending ? "desc" : "asc";
    snprintf(piece, sizeof piece, " order by %s.%s %s, %s.%s %s", table, o->column, way, table, o->id, way);
    sql_add(q, piece, "");
}

/* ---- places ---- */

static void place_forget_given(struct place *p) {
    given_let_go(p->given);
    p->given = NULL;
    p->whole = false;
}

static void place_free(struct place *p) {
    place_forget_given(p);
    free(p->text);
    *p = (struct place){0};
}

static struct place place_copy(const struct place *p) {
    struct place copy = *p;
    given_hold(copy.given);
    copy.text = p->text ? strdup(p->text) : NULL;
    if (p->text && !copy.text) copy.begun = copy.whole = false;
    return copy;
}

void walk_end(struct walk *w) { place_free(&w->at); }

void walk_note_last(struct walk *w, int64_t number, const char *text, const char *id) {
    free(w->at.text);
    w->at.text = w->order->text ? strdup(text) : NULL;
    w->at.number = number;
    snprintf(w->at.id, sizeof w->at.id, "%s", id);
    w->at.begun = !w->order->text || w->at.text;
}

void walk_note_given(struct walk *w, const char *id) {
    if (!w->order->noted) return;
    bool full = given_count(w->at.given) >= w->order->noted;
    struct given *more = full ? NULL : given_add(w->at.given, id);
    w->at.whole = w->at.whole && more;
    if (more) w->at.given = more;
}

void walk_add_behind(const struct walk *w, struct sql *q, const char *table) {
    const struct order *o = w->order;
    char piece[160];
    if (!w->at.begun) return;
    /* comparing the pair finds the index, also under row-level security: it cannot leak */
    snprintf(piece, sizeof piece, " and (%s.%s, %s.%s) %c (?, ?)", table, o->column, table, o->id,
             o->descending ? '<' : '>');
    if (o->text)
        sql_add(q, piece, "ss", w->at.text, w->at.id);
    else
        sql_add(q, piece, "is", w->at.number, w->at.id);
}

/* A sub-select is hashed and costs the planner nothing; "<> all(array)" is weighed id by id, and walked id by id where the plan is
 * made for any values. string_to_table() counts as 1,000 rows however long the list is, so it is always hashed. */
void walk_add_not_given(const struct walk *w, struct sql *q, const char *table) {
    if (!w->at.given) return;
    scope_buf struct buf ids;
    buf_init(&ids, LIST_BYTES_MAX);
    given_write(w->at.given, &ids);
    char piece[100];
    snprintf(piece, sizeof piece, " and %s.%s not in (select string_to_table(?, ','))", table, w->order->id);
    sql_add(q, piece, "s", buf_text(&ids));
    if (ids.failed) q->text.failed = true;
}

/* ---- what is remembered ---- */

static struct slot *bucket_of(const struct walk *w, int64_t page) {
    return &slots[(w->listing * 31 + (uint64_t)page) % BUCKETS * WAYS];
}

static bool is_of(const struct slot *s, const struct walk *w, int64_t page) {
    return s->used && s->listing == w->listing && s->page == page && !strcmp(s->reader, w->reader);
}

static struct slot *find(const struct walk *w, int64_t page) {
    struct slot *bucket = bucket_of(w, page);
    for (int i = 0; i < WAYS; i++)
        if (is_of(&bucket[i], w, page)) return &bucket[i];
    return NULL;
}

static struct slot *find_or_oldest(const struct walk *w) {
    struct slot *bucket = bucket_of(w, w->page), *oldest = bucket, *found = find(w, w->page);
    for (int i = 1; i < WAYS; i++)
        if (bucket[i].used < oldest->used) oldest = &bucket[i];
    return found ? found : oldest;
}

static void forget(struct slot *s) {
    place_free(&s->end);
    s->used = 0;
}

/* Where too many rows are noted, notes are thrown away, the long unused first; the ends of pages stay. */
static void make_room(void) {
    for (uint64_t age = SLOTS; given_bytes() > GIVEN_BYTES_MAX && age; age /= 2)
        for (int i = 0; i < SLOTS; i++)
            if (slots[i].end.given && ticks - slots[i].used >= age) place_forget_given(&slots[i].end);
}

static bool recall(struct walk *w) {
    pthread_mutex_lock(&lock);
    struct slot *s = find(w, w->page - 1);
    if (s) {
        s->used = ++ticks;
        w->at = place_copy(&s->end);
    }
    pthread_mutex_unlock(&lock);
    return w->at.begun;
}

void walk_remember(struct walk *w) {
    if (!w->at.begun) return;
    w->at.given = given_close(w->at.given);
    pthread_mutex_lock(&lock);
    struct slot *s = find_or_oldest(w);
    forget(s);
    memcpy(s->reader, w->reader, sizeof s->reader);
    s->listing = w->listing;
    s->page = w->page;
    s->used = ++ticks;
    s->end = place_copy(&w->at);
    make_room();
    pthread_mutex_unlock(&lock);
}

static uint64_t listing_of(const char *reader, const struct sql *filter, const struct order *order, int64_t page_size) {
    uint64_t h = hash_add_text(hash_add_text(HASH_START, reader), order->sort);
    h = hash_add(h, buf_text(&filter->text), filter->text.len);
    h = hash_add(h, buf_text(&filter->values), filter->values.len);
    return hash_add(h, &page_size, sizeof page_size);
}

struct walk walk_begin(const char *client_id, const char *session_id, const struct sql *filter,
                       const struct order *order, int64_t page, int64_t page_size) {
    struct walk w = {.order = order, .page = page};
    snprintf(w.reader, sizeof w.reader, "%s/%s", client_id, session_id);
    w.listing = listing_of(w.reader, filter, order, page_size);
    w.at.whole = page == 1;
    if (page > 1 && !recall(&w)) w.leap = (page - 1) * page_size;
    return w;
}
