/* A counted number of places. Who finds none waits in line; a place that comes free goes to the first in line who may have it, and
 * wakes nobody else: hundreds that wait cost nothing to those who work. */
#ifndef BASE_GATE_H
#define BASE_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct gate_waiter;

struct gate {
    pthread_mutex_t lock;
    int free;
    struct gate_waiter *first, **end; /* nobody in line may have one of those that are free */
};

void gate_init(struct gate *g, int places);
/* The same for one that is there from the start: static struct gate g = GATE(g, 2); */
#define GATE(g, places)                                                                                                \
    { .lock = PTHREAD_MUTEX_INITIALIZER, .free = (places), .end = &(g).first }

/* A place, if more than `keep` are free; waited for until until_ms (monotonic). False: none came free. */
bool gate_enter(struct gate *g, int keep, int64_t until_ms) __attribute__((warn_unused_result));
void gate_leave(struct gate *g);

#endif
