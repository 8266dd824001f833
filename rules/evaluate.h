/* The rules' judgement on one response: a pure function of rules, facts and counts. No SQL, no JSON, no clock.
 *
 * Order of things (contract B4):
 *   1. A rule that is off or expired does not match; a shadow rule is judged like any other but never decides.
 *   2. A rule that cannot be read: one that accepts does not match; one that holds or declines holds, since nobody knows what it
 *      was to keep back.
 *   3. Among the rules in mode enforce that match, the first in order that holds or declines decides, whatever stands before it; of
 *      the two neither is stronger than the other, since either keeps the action from running.
 *   4. Else the first that accepts decides. On a critical asset, while frozen, or over one of its limits it holds, with the reason;
 *      a later rule with room left does not step in.
 *   5. Else the setting auto_response decides, with the same two exceptions; else nothing (people decide). */
#ifndef RULES_EVALUATE_H
#define RULES_EVALUATE_H

#include "base/tz.h"
#include "build/gen/operations.h"

enum rule_mode { RULE_OFF, RULE_SHADOW, RULE_ENFORCE };
enum rule_decision { RULE_NONE, RULE_ACCEPT, RULE_HOLD, RULE_DECLINE };
enum rule_verdict { RULE_IS_OFF, RULE_IS_EXPIRED, RULE_IS_UNREADABLE, RULE_FAILED, RULE_MATCHED };
enum { RULE_LIMITS = 3, RULE_HOUR_MS = 3600 * 1000 };

const char *rule_decision_name(enum rule_decision d); /* "accept" */
const char *rule_verdict_name(enum rule_verdict v);   /* "matched" */
const char *rule_mode_name(enum rule_mode m);         /* "enforce" */

struct rule {
    const char *rule_id, *name;
    enum rule_mode mode;
    enum rule_decision effect;        /* never RULE_NONE */
    int64_t expires_at;               /* ms; 0 = never */
    bool readable;                    /* false: when and limits mean nothing */
    const struct rule_when *when;     /* an empty list = not given */
    const struct rule_limits *limits; /* NULL = none */
    /* by rule_prepare(): */
    struct strings host_globs, asset_tags, tactics, techniques, technologies; /* folded */
    struct tz *zone;                                                          /* of local_time; yours to close */
};

/* Folds texts and opens the time zone. Clears `readable` where that fails, and where a rule that accepts has no condition. */
void rule_prepare(struct arena *a, struct rule *rule);

struct rule_facts {
    const char *type;
    enum risk risk;
    const char *priority, *tenant_id; /* of the incident; of the host */
    const char *asset_id, *host_name;
    struct strings asset_tags, threat_classes, mitre_tactics, mitre_techniques;
    const char *detection_technology;
    int64_t now_ms; /* when the response is created */
    bool critical, frozen, setting_accepts;
    int64_t tenant_assets, tenant_affected; /* of the host's tenant; affected: with this one */
};

/* Put the folded texts in place of the others: of the incident, of the host. */
void rule_facts_fold_incident(struct arena *a, struct rule_facts *f);
void rule_facts_fold_host(struct arena *a, struct rule_facts *f);

/* Accepted by a rule so far, this response not included. */
struct rule_counts {
    int64_t last_hour, concurrent;
};

struct rule_limit_look {
    const char *limit; /* name of the member */
    int64_t allowed;
    double count;
    bool over;
};

struct rule_look {
    enum rule_verdict verdict;
    const char *failed;       /* name of the first condition that failed; "" */
    enum rule_decision would; /* what the rule alone leads to; RULE_NONE where it does not match */
    const char *reason;       /* of a hold: "rule", "unreadable", "critical", "frozen" or the name of a limit; "" */
    struct rule_limit_look limits[RULE_LIMITS];
    size_t limits_n;
};

struct ruling {
    enum rule_decision decision;
    const struct rule *rule; /* that decided; NULL: none did */
    bool by_setting;
    const char *reason; /* as in struct rule_look */
};

/* counts and looks: one for each of the n prepared rules. */
struct ruling rules_evaluate(const struct rule *rules, size_t n, const struct rule_facts *facts,
                             const struct rule_counts *counts, struct rule_look *looks);

#endif
