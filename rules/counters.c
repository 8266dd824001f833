#include "rules/counters.h"

#include <stdatomic.h>

static atomic_ulong decisions[RULE_DECLINE + 1], freezes[2];

void rules_count_decision(enum rule_decision d) { atomic_fetch_add_explicit(&decisions[d], 1, memory_order_relaxed); }

void rules_count_freeze(bool frozen) { atomic_fetch_add_explicit(&freezes[frozen], 1, memory_order_relaxed); }

void rules_counters_text(struct buf *out) {
    buf_adds(out, "# HELP mdr_automatic_decisions_total What rules and auto_response decided about new responses.\n"
                  "# TYPE mdr_automatic_decisions_total counter\n");
    for (int d = RULE_NONE; d <= RULE_DECLINE; d++)
        buf_addf(out, "mdr_automatic_decisions_total{decision=\"%s\"} %lu\n", rule_decision_name((enum rule_decision)d),
                 atomic_load(&decisions[d]));
    buf_adds(out, "# HELP mdr_freezes_total Freezes set and ended.\n# TYPE mdr_freezes_total counter\n");
    for (int frozen = 0; frozen < 2; frozen++)
        buf_addf(out, "mdr_freezes_total{frozen=\"%s\"} %lu\n", frozen ? "true" : "false",
                 atomic_load(&freezes[frozen]));
}
