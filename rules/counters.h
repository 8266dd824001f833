/* What rules and freezes did in this process, for /metrics. */
#ifndef RULES_COUNTERS_H
#define RULES_COUNTERS_H

#include "base/buf.h"
#include "rules/evaluate.h"

void rules_count_decision(enum rule_decision d);
void rules_count_freeze(bool frozen);

/* Appends mdr_automatic_decisions_total and mdr_freezes_total. */
void rules_counters_text(struct buf *out);

#endif
