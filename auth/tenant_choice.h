/* The tenants that a connection or user is limited to: what a request's `tenants` mean, and how replies show them.
 * "All" is said by a flag of its own: an emptied list never comes to mean all. Source: contract A2, A3. */
#ifndef AUTH_TENANT_CHOICE_H
#define AUTH_TENANT_CHOICE_H

#include "auth/request.h"

struct tenant_ref; /* build/gen/operations.h: {tenant_id} */

struct tenant_choice {
    bool all;
    struct strings ids; /* empty when all */
};

/* No refs = all tenants, which only who sees all may give. Errors, each with its pointer: ERR_INVALID: a tenant that
 * does not exist or that the asking token does not see; more than a token has room for; none by who is limited. */
enum err tenants_choose(struct request *r, const struct tenant_ref *refs, size_t n,
                        struct tenant_choice *out) must_check;

/* ERR_INVALID at pointer/<n>: a tenant that is not there. */
enum err tenants_check(struct request *r, struct tx *tx, const char *pointer, const struct strings *tenants) must_check;

/* SQL: the JSON array [{tenant_id, tenant_name}] as text, of alias.tenants ("s" for sessions s). */
#define TENANT_REFS_SQL(alias)                                                                                         \
    "(select '[' || coalesce(string_agg(row_to_json(v)::text, ','), '') || ']'"                                        \
    "   from (select t.tenant_id, t.tenant_name from tenants t"                                                        \
    "          where t.client_id = " alias ".client_id and t.tenant_id = any(" alias ".tenants)"                       \
    "          order by t.tenant_name, t.tenant_id) v)"

/* SQL: whether the asking token ($all boolean, $own text[]) may manage alias: nothing wider than itself. What lost its last tenant
 * was another's, so it is left to who sees all. */
#define WITHIN_SQL(alias, all, own)                                                                                    \
    "(" all " or (not " alias ".all_tenants and " alias ".tenants <> '{}' and " alias ".tenants <@ " own "))"

#endif
