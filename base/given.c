#include "base/given.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct given {
    struct given *before;
    atomic_int holders;
    bool closed;
    size_t count;       /* here and before */
    size_t bytes, room; /* here */
    char ids[];         /* the mark before each, NUL behind */
};
enum { FIRST_ROOM = 4096, MARK_BYTES = sizeof(uint16_t) };

static atomic_size_t all_bytes;

size_t given_bytes(void) { return all_bytes; }
size_t given_count(const struct given *g) { return g ? g->count : 0; }

/* ---- life ---- */

static struct given *resize(struct given *g, size_t room) {
    size_t before = g ? sizeof *g + g->room : 0;
    struct given *resized = realloc(g, sizeof *resized + room);
    if (!resized) return NULL;
    all_bytes += sizeof *resized + room - before;
    resized->room = room;
    return resized;
}

static struct given *open_behind(struct given *before) {
    struct given *g = resize(NULL, FIRST_ROOM);
    if (!g) return NULL;
    g->before = before;
    g->holders = 1;
    g->closed = false;
    g->count = given_count(before);
    g->bytes = 0;
    return g;
}

struct given *given_close(struct given *g) {
    if (!g || g->closed) return g;
    struct given *fitted = resize(g, g->bytes);
    if (fitted) g = fitted;
    g->closed = true;
    return g;
}

struct given *given_hold(struct given *g) {
    if (g) g->holders++;
    return g;
}

void given_let_go(struct given *g) {
    while (g && --g->holders == 0) {
        struct given *before = g->before;
        all_bytes -= sizeof *g + g->room;
        free(g);
        g = before;
    }
}

/* ---- ids ---- */

/* Two bytes that tell most ids apart at a glance. */
static uint16_t mark_of(const char *id) { return (uint16_t)hash_add_text(HASH_START, id); }

static uint16_t mark_before(const char *id) {
    uint16_t mark;
    memcpy(&mark, id - MARK_BYTES, MARK_BYTES);
    return mark;
}

struct given *given_add(struct given *g, const char *id) {
    uint16_t mark = mark_of(id);
    size_t len = strlen(id) + 1;
    if (!g || g->closed) g = open_behind(g);
    if (g && g->room - g->bytes < MARK_BYTES + len) g = resize(g, g->room * 2 + len);
    if (!g) return NULL;
    memcpy(g->ids + g->bytes, &mark, MARK_BYTES);
    memcpy(g->ids + g->bytes + MARK_BYTES, id, len);
    g->bytes += MARK_BYTES + len;
    g->count++;
    return g;
}

static const char *first_of(const struct given *g) { return g ? g->ids + MARK_BYTES : NULL; }

/* List by list; NULL: there is no more. */
static const char *next_of(const struct given **g, const char *id) {
    id += strlen(id) + 1;
    if (id < (*g)->ids + (*g)->bytes) return id + MARK_BYTES;
    *g = (*g)->before;
    return first_of(*g);
}

void given_write(const struct given *g, struct buf *out) {
    for (const char *id = first_of(g); id; id = next_of(&g, id)) {
        if (out->len) buf_addc(out, ',');
        buf_adds(out, id);
    }
}

/* ---- looking up ---- */

/* Marks of the ids asked for, a bit each; their places in the list asked for, in the order of the ids. */
struct asked {
    uint64_t marks[(UINT16_MAX + 1) / 64];
    size_t n;
    const char **places[];
};

static int compare_at(const void *a, const void *b) {
    return strcmp(**(const char *const *const *)a, **(const char *const *const *)b);
}

static struct asked *asked_of(const struct strings *ids, struct arena *arena) {
    struct asked *asked = arena_alloc(arena, sizeof *asked + ids->n * sizeof *asked->places);
    for (size_t i = 0; i < ids->n; i++) {
        uint16_t mark = mark_of(ids->v[i]);
        asked->marks[mark / 64] |= UINT64_C(1) << mark % 64;
        asked->places[asked->n++] = &ids->v[i];
    }
    qsort(asked->places, asked->n, sizeof *asked->places, compare_at);
    return asked;
}

static const char **look_up(const struct asked *asked, const char *id) {
    uint16_t mark = mark_before(id);
    const char **key = &id;
    if (!(asked->marks[mark / 64] >> mark % 64 & 1)) return NULL;
    const char ***found = bsearch(&key, asked->places, asked->n, sizeof *asked->places, compare_at);
    return found ? *found : NULL;
}

/* The few that are asked for are sorted, the many in the list pass by: hardly one of them gets past the marks. */
const bool *given_find(const struct given *g, const struct strings *ids, struct arena *arena) {
    bool *found = arena_alloc(arena, ids->n + 1);
    if (!ids->n || !g) return found;
    const struct asked *asked = asked_of(ids, arena);
    for (const char *id = first_of(g); id; id = next_of(&g, id)) {
        const char **place = look_up(asked, id);
        if (place) found[place - ids->v] = true;
    }
    return found;
}
