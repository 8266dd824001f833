/* Rules on a proposal of the SOC: judged when it is created, recorded with it.
 *
 *     write_lock_client(r, &tx)                     before every other lock
 *     ... incident and assets are locked and visible ...
 *     rules_judge(r, &tx, &c, &judgement)
 *     ... responses are inserted and decided ...
 *     rules_record_judgement(r, &tx, &judgement, ids, stamp)
 *
 * write_lock_client() lets one transaction of a client through at a time, on all nodes: so limits are counted exactly and nothing is
 * accepted after a freeze or a change of a rule was answered. The hosts are judged one after the other, each acceptance counted
 * for the next. Source: contract B4. */
#ifndef RULES_JUDGE_H
#define RULES_JUDGE_H

#include "rules/facts.h"

struct judged {
    enum rule_decision decision;
    const char *by;                  /* "rule", "setting", "" */
    const char *rule_id, *rule_name; /* "" unless by a rule */
    const char *reason;              /* of a hold */
};

struct rule_use {
    size_t host;
    const char *rule_id; /* "" = the setting */
    enum rule_decision effect;
    bool shadow;
};

struct judgement {
    size_t n;
    struct judged *each; /* of each host */
    struct case_facts facts;
    struct rule_book book;
    struct rule_use *uses; /* in the order of hosts */
    size_t uses_n;
    struct buf traces; /* JSON arrays one after the other */
    size_t *trace_end; /* of each host's */
};

#define scope_judgement __attribute__((cleanup(judgement_free)))
void judgement_free(struct judgement *j);

enum err rules_judge(struct request *r, struct tx *tx, const struct rule_case *c, struct judgement *out) must_check;

/* ids: of the responses, one for each host; first: creation time of the first. */
enum err rules_record_judgement(struct request *r, struct tx *tx, const struct judgement *j, const struct strings *ids,
                                int64_t first) must_check;

#endif
