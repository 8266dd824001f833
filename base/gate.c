#include "base/gate.h"

#include <errno.h>

#include "base/clock.h"

/* On the stack of the thread that waits. */
struct gate_waiter {
    int keep;
    bool granted;
    pthread_cond_t wake;
    struct gate_waiter *next;
};

void gate_init(struct gate *g, int places) {
    pthread_mutex_init(&g->lock, NULL);
    g->free = places;
    g->first = NULL;
    g->end = &g->first;
}

static void join_line(struct gate *g, struct gate_waiter *w) {
    *g->end = w;
    g->end = &w->next;
}

static void take_out(struct gate *g, struct gate_waiter **at) {
    struct gate_waiter *w = *at;
    *at = w->next;
    if (g->end == &w->next) g->end = at;
}

static void give_up(struct gate *g, struct gate_waiter *w) {
    for (struct gate_waiter **at = &g->first; *at; at = &(*at)->next) {
        if (*at != w) continue;
        take_out(g, at);
        return;
    }
}

static void wait_in_line(struct gate *g, struct gate_waiter *w, int64_t until_ms) {
    struct timespec until = monotonic_at(until_ms);
    join_line(g, w);
    while (!w->granted)
        if (pthread_cond_clockwait(&w->wake, &g->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT) break;
    if (!w->granted) give_up(g, w);
}

bool gate_enter(struct gate *g, int keep, int64_t until_ms) {
    struct gate_waiter w = {.keep = keep, .wake = PTHREAD_COND_INITIALIZER};
    pthread_mutex_lock(&g->lock);
    if (g->free > keep) {
        g->free--;
        w.granted = true;
    } else {
        wait_in_line(g, &w, until_ms);
    }
    pthread_mutex_unlock(&g->lock);
    return w.granted;
}

static void grant_one(struct gate *g) {
    for (struct gate_waiter **at = &g->first; *at; at = &(*at)->next) {
        struct gate_waiter *w = *at;
        if (g->free <= w->keep) continue;
        take_out(g, at);
        g->free--;
        w->granted = true;
        pthread_cond_signal(&w->wake);
        return;
    }
}

void gate_leave(struct gate *g) {
    pthread_mutex_lock(&g->lock);
    g->free++;
    grant_one(g);
    pthread_mutex_unlock(&g->lock);
}
