/* All steps of all incidents in the order of time, each with a stamp of its own. */
#ifndef DEMO_TIMELINE_H
#define DEMO_TIMELINE_H

#include "base/err.h"
#include "demo/world.h"

struct event {
    int64_t stamp; /* strictly growing; not before the step's wished time */
    uint32_t incident;
    uint8_t step, kind, of; /* enum step_kind; of: the step that made the response decided here */
    uint8_t person;
    bool by_customer, expired, last; /* last: of its incident */
};

struct timeline {
    struct event *events;
    size_t n;
    int64_t *stamps; /* of incident i: stamps[first[i]..] */
    uint32_t *first;
};

/* Some 40 bytes per step, 3 steps per incident. ERR_UNAVAILABLE: out of memory. timeline_free() in any case. */
enum err timeline_make(const struct world *w, struct timeline *out) must_check;
void timeline_free(struct timeline *t);

size_t event_records(const struct event *e); /* rows of history that it leaves: 1 or 2 */

#endif
