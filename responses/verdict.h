/* What a decision about one response leads to. Pure.
 *
 * A "person" is a user: one user's several log-ins, the connections that the user made and those that these made are one.
 * A connection that no user stands behind is a person of its own. Source: contract A7, security.md "Response actions". */
#ifndef RESPONSES_VERDICT_H
#define RESPONSES_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct verdict_case {
    bool is_new, late; /* late: decide_until has passed by the database's clock */
    bool confirming;
    bool two_people;       /* the asset is critical, now or when the response was made */
    size_t approvals;      /* confirmations so far */
    bool approved_by_same; /* one of them by the same person */
};

enum verdict {
    VERDICT_FINAL,    /* decided by this */
    VERDICT_APPROVAL, /* the first of two confirmations: stays New */
    VERDICT_ALREADY_DECIDED,
    VERDICT_DEADLINE_PASSED,
    VERDICT_SAME_PERSON,
};

enum verdict verdict_of(const struct verdict_case *c);
enum err verdict_error(enum verdict v); /* OK for the first two */

#endif
