/* Counters for Prometheus. Names are listed in metrics.c and documented by a test. */
#ifndef API_METRICS_H
#define API_METRICS_H

#include <stdint.h>

#include "base/buf.h"

struct operation;

/* A request was answered. op NULL: no operation matched. */
void metrics_count(const struct operation *op, int status, int64_t ms);

void metrics_text(struct buf *out);

#endif
