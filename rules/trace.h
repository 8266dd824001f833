/* What was found about each rule, as JSON: kept with the response and shown by responses/explain. */
#ifndef RULES_TRACE_H
#define RULES_TRACE_H

#include "base/buf.h"
#include "rules/evaluate.h"

/* Appends the array of schema rule_look; rules that are off were not looked at and are left out. */
void rule_trace_json(struct buf *out, const struct rule *rules, size_t n, const struct rule_look *looks);

#endif
