/* What the database knows about a proposal and its hosts: the facts that rules are judged by. */
#ifndef RULES_FACTS_H
#define RULES_FACTS_H

#include "assets/find.h"
#include "rules/book.h"

/* A proposal of one type for some assets of one incident. */
struct rule_case {
    const char *incident_id;
    const struct response_type *type;
    const struct asset_brief *assets; /* all found */
    size_t assets_n;
    const char *setting_mode; /* of auto_response */
    const struct strings *setting_tenants;
};

struct host_facts {
    const char *host_name;
    struct strings tags;
    bool isolated, affected; /* affected: isolated, or an automatic action on it is not finished */
    size_t share;            /* of its tenant */
};

struct tenant_share {
    const char *tenant_id;
    int64_t assets, isolated, affected;
};

struct case_facts {
    struct rule_facts incident; /* what is the same for all hosts, folded */
    const char *incident_tenant;
    struct strings frozen; /* tenants; "*" = the whole client */
    struct host_facts *hosts;
    struct tenant_share *shares;
    size_t shares_n;
    struct rule_counts *counts; /* of each rule of the book */
};

/* After write_lock_client() the counts stay true until the commit. Incident and assets are visible to the scope (the caller saw to it);
 * what is counted is counted over all tenants. */
enum err case_facts_read(struct request *r, struct tx *tx, const struct rule_case *c, const struct rule_book *book,
                         struct case_facts *out) must_check;

/* The facts about the i-th host, folded into arena a. */
struct rule_facts case_facts_of(struct arena *a, const struct rule_case *c, const struct case_facts *all, size_t i);

/* SQL: of a response p, confirmed and not finished. */
#define SQL_RESPONSE_RUNS "(p.status = 'Confirmed' and p.execution_state in ('pending', 'leased', 'running'))"

#endif
