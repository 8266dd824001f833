#include "demo/timeline.h"

#include <stdlib.h>

static int by_time(const void *a, const void *b) {
    const struct event *x = a, *y = b;
    if (x->stamp != y->stamp) return x->stamp < y->stamp ? -1 : 1;
    if (x->incident != y->incident) return x->incident < y->incident ? -1 : 1;
    return (int)x->step - (int)y->step;
}

static bool reserve(struct timeline *t, size_t *room, size_t n) {
    if (n <= *room) return true;
    size_t more = *room ? *room * 2 : 65536;
    struct event *events = realloc(t->events, more * sizeof *events);
    if (!events) return false;
    t->events = events;
    *room = more;
    return true;
}

static void add_steps(struct timeline *t, uint32_t incident, const struct plan *p) {
    for (size_t i = 0; i < p->steps_n; i++) {
        const struct step *s = &p->steps[i];
        t->events[t->n++] = (struct event){
            .stamp = s->at_ms,
            .incident = incident,
            .step = (uint8_t)i,
            .kind = (uint8_t)s->kind,
            .of = s->response,
            .person = s->person,
            .by_customer = s->by_customer,
            .expired = s->fate == FATE_EXPIRED,
            .last = i + 1 == p->steps_n,
        };
    }
}

static void give_stamps(struct timeline *t) {
    qsort(t->events, t->n, sizeof *t->events, by_time);
    int64_t last = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct event *e = &t->events[i];
        last = e->stamp > last ? e->stamp : last + 1;
        e->stamp = last;
        t->stamps[t->first[e->incident] + e->step] = last;
    }
}

enum err timeline_make(const struct world *w, struct timeline *out) {
    struct plan p;
    size_t room = 0;
    *out = (struct timeline){.first = calloc((size_t)w->incidents_n + 1, sizeof(uint32_t))};
    if (!out->first) return ERR_UNAVAILABLE;
    for (uint32_t i = 0; i < w->incidents_n; i++) {
        plan_make(w, i, &p);
        if (!reserve(out, &room, out->n + PLAN_STEPS_MAX)) return ERR_UNAVAILABLE;
        out->first[i] = (uint32_t)out->n;
        add_steps(out, i, &p);
    }
    out->stamps = calloc(out->n + 1, sizeof(int64_t));
    if (!out->stamps) return ERR_UNAVAILABLE;
    give_stamps(out);
    return OK;
}

void timeline_free(struct timeline *t) {
    free(t->events);
    free(t->stamps);
    free(t->first);
    *t = (struct timeline){0};
}

size_t event_records(const struct event *e) {
    return (e->kind != STEP_STATUS) + (size_t)(e->last && e->kind != STEP_CREATE);
}
