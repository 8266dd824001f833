#include "rules/evaluate.h"

#include <string.h>

#include "incidents/mitre.h"
#include "rules/fold.h"
#include "rules/local_time.h"

const char *rule_decision_name(enum rule_decision d) {
    static const char *const names[] = {"none", "accept", "hold", "decline"};
    return names[d];
}

const char *rule_verdict_name(enum rule_verdict v) {
    static const char *const names[] = {"off", "expired", "unreadable", "failed", "matched"};
    return names[v];
}

const char *rule_mode_name(enum rule_mode m) {
    static const char *const names[] = {"off", "shadow", "enforce"};
    return names[m];
}

/* ---- preparing ---- */

static bool has_condition(const struct rule_when *w) {
    return w->types.n || w->priorities.n || w->tenants.n || w->asset_ids.n || w->host_globs.n || w->asset_tags.n ||
           w->threat_classes.n || w->mitre_tactics.n || w->mitre_techniques.n || w->detection_technologies.n ||
           w->risk_at_most || w->local_time;
}

static struct strings mitre_folded(struct arena *a, const struct strings *names) {
    struct strings folded = rule_fold_all(a, names);
    return mitre_keys_of(a, &folded);
}

void rule_prepare(struct arena *a, struct rule *rule) {
    const struct rule_when *w = rule->when;
    if (!rule->readable) return;
    rule->host_globs = rule_fold_all(a, &w->host_globs);
    rule->asset_tags = rule_fold_all(a, &w->asset_tags);
    rule->tactics = mitre_folded(a, &w->mitre_tactics);
    rule->techniques = mitre_folded(a, &w->mitre_techniques);
    rule->technologies = rule_fold_all(a, &w->detection_technologies);
    if (w->local_time) rule->zone = tz_open(w->local_time->timezone);
    if (w->local_time && !rule->zone) rule->readable = false;
    if (rule->effect == RULE_ACCEPT && !has_condition(w)) rule->readable = false;
}

void rule_facts_fold_host(struct arena *a, struct rule_facts *f) {
    f->host_name = rule_fold(a, f->host_name);
    f->asset_tags = rule_fold_all(a, &f->asset_tags);
}

void rule_facts_fold_incident(struct arena *a, struct rule_facts *f) {
    f->mitre_tactics = mitre_folded(a, &f->mitre_tactics);
    f->mitre_techniques = mitre_folded(a, &f->mitre_techniques);
    f->detection_technology = rule_fold(a, f->detection_technology);
}

/* ---- conditions ---- */

static bool one_of(const struct strings *list, const char *value) { return !list->n || strings_have(list, value); }

/* keys: of the list, folded; the list itself tells whether the condition is there. */
static bool any_of(const struct strings *list, const struct strings *keys, const struct strings *values) {
    if (!list->n) return true;
    for (size_t i = 0; i < values->n; i++)
        if (strings_have(keys, values->v[i])) return true;
    return false;
}

static bool any_glob(const struct strings *globs, const char *host_name) {
    if (!globs->n) return true;
    for (size_t i = 0; i < globs->n; i++)
        if (rule_glob(globs->v[i], host_name)) return true;
    return false;
}

static enum risk risk_of(const char *name) {
    return !strcmp(name, "low") ? RISK_LOW : !strcmp(name, "medium") ? RISK_MEDIUM : RISK_HIGH;
}

/* The first condition that fails; NULL when all hold. `tenants` and `asset_ids` stand first: a rule that is not for a tenant or its
 * hosts is none of its business, whatever else it says (see responses/explain). */
static const char *first_failed(const struct rule *rule, const struct rule_facts *f) {
    const struct rule_when *w = rule->when;
    if (!one_of(&w->tenants, f->tenant_id)) return "tenants";
    if (!one_of(&w->asset_ids, f->asset_id)) return "asset_ids";
    if (!one_of(&w->types, f->type)) return "types";
    if (!one_of(&w->priorities, f->priority)) return "priorities";
    if (!any_glob(&rule->host_globs, f->host_name)) return "host_globs";
    if (!any_of(&w->asset_tags, &rule->asset_tags, &f->asset_tags)) return "asset_tags";
    if (!any_of(&w->threat_classes, &w->threat_classes, &f->threat_classes)) return "threat_classes";
    if (!any_of(&w->mitre_tactics, &rule->tactics, &f->mitre_tactics)) return "mitre_tactics";
    if (!any_of(&w->mitre_techniques, &rule->techniques, &f->mitre_techniques)) return "mitre_techniques";
    if (!one_of(&rule->technologies, f->detection_technology)) return "detection_technologies";
    if (w->risk_at_most && f->risk > risk_of(w->risk_at_most)) return "risk_at_most";
    if (w->local_time && !local_time_matches(w->local_time, rule->zone, f->now_ms)) return "local_time";
    return NULL;
}

/* ---- one rule ---- */

static void add_limit(struct rule_look *look, const char *limit, int64_t allowed, double count, bool over) {
    look->limits[look->limits_n++] = (struct rule_limit_look){limit, allowed, count, over};
}

static void look_at_limits(const struct rule_limits *l, const struct rule_facts *f, const struct rule_counts *c,
                           struct rule_look *look) {
    if (!l) return;
    double percent = f->tenant_assets ? 100.0 * (double)f->tenant_affected / (double)f->tenant_assets : 100.0;
    if (l->has_per_hour) add_limit(look, "per_hour", l->per_hour, (double)c->last_hour, c->last_hour >= l->per_hour);
    if (l->has_concurrent)
        add_limit(look, "concurrent", l->concurrent, (double)c->concurrent, c->concurrent >= l->concurrent);
    if (l->has_max_percent_of_assets)
        add_limit(look, "max_percent_of_assets", l->max_percent_of_assets, percent,
                  !f->tenant_assets || f->tenant_affected * 100 > l->max_percent_of_assets * f->tenant_assets);
}

/* What keeps an acceptance back; "" = nothing. */
static const char *in_the_way(const struct rule_facts *f, const struct rule_look *look) {
    if (f->critical) return "critical";
    if (f->frozen) return "frozen";
    for (size_t i = 0; look && i < look->limits_n; i++)
        if (look->limits[i].over) return look->limits[i].limit;
    return "";
}

static enum rule_verdict verdict_on(const struct rule *rule, const struct rule_facts *f, const char **failed) {
    *failed = "";
    if (rule->mode == RULE_OFF) return RULE_IS_OFF;
    if (rule->expires_at && rule->expires_at <= f->now_ms) return RULE_IS_EXPIRED;
    if (!rule->readable) return RULE_IS_UNREADABLE;
    const char *condition = first_failed(rule, f);
    if (!condition) return RULE_MATCHED;
    *failed = condition;
    return RULE_FAILED;
}

static struct rule_look look_at(const struct rule *rule, const struct rule_facts *f, const struct rule_counts *c) {
    struct rule_look look = {.reason = ""};
    look.verdict = verdict_on(rule, f, &look.failed);
    if (look.verdict == RULE_IS_UNREADABLE && rule->effect != RULE_ACCEPT) {
        look.would = RULE_HOLD;
        look.reason = "unreadable";
    }
    if (look.verdict != RULE_MATCHED) return look;
    look.would = rule->effect;
    if (rule->effect == RULE_HOLD) look.reason = "rule";
    if (rule->effect != RULE_ACCEPT) return look;
    look_at_limits(rule->limits, f, c, &look);
    look.reason = in_the_way(f, &look);
    if (*look.reason) look.would = RULE_HOLD;
    return look;
}

/* ---- all of them ---- */

static struct ruling ruling_of_setting(const struct rule_facts *f) {
    struct ruling out = {.reason = ""};
    if (!f->setting_accepts) return out;
    out.by_setting = true;
    out.reason = in_the_way(f, NULL);
    out.decision = *out.reason ? RULE_HOLD : RULE_ACCEPT;
    return out;
}

struct ruling rules_evaluate(const struct rule *rules, size_t n, const struct rule_facts *facts,
                             const struct rule_counts *counts, struct rule_look *looks) {
    size_t against = n, accepting = n;
    for (size_t i = n; i-- > 0;) {
        looks[i] = look_at(&rules[i], facts, &counts[i]);
        if (rules[i].mode != RULE_ENFORCE || looks[i].would == RULE_NONE) continue;
        if (rules[i].effect == RULE_ACCEPT)
            accepting = i;
        else
            against = i;
    }
    size_t decides = against < n ? against : accepting;
    if (decides == n) return ruling_of_setting(facts);
    return (struct ruling){.decision = looks[decides].would, .rule = &rules[decides], .reason = looks[decides].reason};
}
