#include "rules/trace.h"

static void add_limit(struct buf *out, const struct rule_limit_look *l) {
    json_open(out, '{');
    json_kstr(out, "limit", l->limit);
    json_kint(out, "allowed", l->allowed);
    json_key(out, "count");
    buf_addf(out, "%.10g", l->count);
    json_kbool(out, "over", l->over);
    json_close(out, '}');
}

static void add_look(struct buf *out, const struct rule *rule, const struct rule_look *look) {
    json_open(out, '{');
    json_kstr(out, "rule_id", rule->rule_id);
    json_kstr(out, "name", rule->name);
    json_kstr(out, "mode", rule_mode_name(rule->mode));
    json_kstr(out, "effect", rule_decision_name(rule->effect));
    json_kstr(out, "verdict", rule_verdict_name(look->verdict));
    json_kstr(out, "failed_condition", look->failed);
    json_key(out, "limits");
    json_open(out, '[');
    for (size_t i = 0; i < look->limits_n; i++) add_limit(out, &look->limits[i]);
    json_close(out, ']');
    json_close(out, '}');
}

void rule_trace_json(struct buf *out, const struct rule *rules, size_t n, const struct rule_look *looks) {
    json_open(out, '[');
    for (size_t i = 0; i < n; i++)
        if (rules[i].mode != RULE_OFF) add_look(out, &rules[i], &looks[i]);
    json_close(out, ']');
}
