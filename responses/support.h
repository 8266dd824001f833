/* Does a type of response work on an asset? By the table of types and systems, or else because a connector declared it
 * (tasks/declare) that sees both asset and incident, so that it will be handed the task. Declarations add to the table, they take
 * nothing away, and change nothing about parameters, critical objects and approval. Source: contract B2. */
#ifndef RESPONSES_SUPPORT_H
#define RESPONSES_SUPPORT_H

#include "assets/find.h"
#include "build/gen/operations.h"

/* What it rests on, for each asset in their order: "" = the table; a system ("linux") = only connectors that declared the type for it,
 * which is kept as responses.declared_system; NULL = nothing, the type is not supported there. A missing asset counts as of an
 * unknown system. */
enum err support_find(struct request *r, struct tx *tx, const struct response_type *type, const char *incident_tenant,
                      const struct asset_brief *assets, size_t n, struct strings *out) must_check;

/* SQL: whether the session (parameter "?" or "$n") declared what the response p rests on. */
#define SQL_DECLARED_BY(session)                                                                                       \
    "(p.declared_system = '' or exists ("                                                                              \
    "    select from sessions s, jsonb_array_elements(s.capabilities) c"                                               \
    "     where s.client_id = p.client_id and s.session_id = " session                                                 \
    "       and capability_covers(c, p.type, p.declared_system, p.asset_id)))"

#endif
