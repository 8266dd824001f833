/* Custom incidents that carry the SLA: so many per client and week (Monday 00:00 UTC to Monday). Source: contract A5 sla_count. */
#ifndef INCIDENTS_SLA_COUNT_H
#define INCIDENTS_SLA_COUNT_H

#include "build/gen/operations.h"

/* Whether one more may carry it; under the client's clock, so that two cannot take the last one. */
enum err sla_left(struct request *r, struct tx *tx, int64_t now_ms, bool *left) must_check;

#endif
