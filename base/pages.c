#include "base/pages.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 512 };

static struct slot {
    uint64_t listing;
    int64_t page;
    struct position end;
} slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void position_free(struct position *p) {
    free(p->served);
    *p = (struct position){0};
}

void position_note(struct position *p, int64_t time, const char *id, int64_t number, bool keep_served) {
    p->started = true;
    p->last_time = time;
    snprintf(p->last_id, sizeof p->last_id, "%s", id);
    if (!keep_served || p->served_n == PAGE_SERVED_MAX) return;
    if (p->served_n % 1024 == 0) {
        int64_t *grown = realloc(p->served, (p->served_n + 1024) * sizeof *grown);
        if (!grown) return;
        p->served = grown;
    }
    p->served[p->served_n++] = number;
}

static void copy_position(struct position *to, const struct position *from) {
    size_t room = (from->served_n + 1023) / 1024 * 1024;
    *to = *from;
    to->served = room ? malloc(room * sizeof *to->served) : NULL;
    if (!to->served) to->served_n = 0;
    if (to->served_n) memcpy(to->served, from->served, to->served_n * sizeof *to->served);
}

static struct slot *slot_of(uint64_t listing, int64_t page) { return &slots[(listing * 31 + (uint64_t)page) % SLOTS]; }

bool pages_recall(uint64_t listing, int64_t page, struct position *out) {
    pthread_mutex_lock(&lock);
    const struct slot *s = slot_of(listing, page - 1);
    bool found = s->end.started && s->listing == listing && s->page == page - 1;
    if (found) copy_position(out, &s->end);
    pthread_mutex_unlock(&lock);
    return found;
}

void pages_remember(uint64_t listing, int64_t page, const struct position *p) {
    pthread_mutex_lock(&lock);
    struct slot *s = slot_of(listing, page);
    position_free(&s->end);
    s->listing = listing;
    s->page = page;
    copy_position(&s->end, p);
    pthread_mutex_unlock(&lock);
}
