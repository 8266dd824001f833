/* The filters that incidents/count and incidents/list share. Source: contract A5. */
#ifndef INCIDENTS_FILTER_H
#define INCIDENTS_FILTER_H

#include "build/gen/operations.h"

/* Appends " where i.client_id = ... and ..." for `incidents i`. */
void incidents_where(struct request *r, struct sql *q, const struct incidents_filter *f);

/* True when surely nothing passes: min_update_time is newer than the client's newest change. One cheap statement at most, and
 * mostly none. */
enum err incidents_nothing_new(struct request *r, const struct incidents_filter *f, bool *nothing) must_check;

#endif
