#include "responses/verdict.h"

enum verdict verdict_of(const struct verdict_case *c) {
    if (!c->is_new) return VERDICT_ALREADY_DECIDED;
    if (c->late) return VERDICT_DEADLINE_PASSED;
    if (!c->confirming || !c->two_people) return VERDICT_FINAL;
    if (c->approved_by_same) return VERDICT_SAME_PERSON;
    return c->approvals ? VERDICT_FINAL : VERDICT_APPROVAL;
}

enum err verdict_error(enum verdict v) {
    switch (v) {
    case VERDICT_ALREADY_DECIDED: return ERR_ALREADY_DECIDED;
    case VERDICT_DEADLINE_PASSED: return ERR_DEADLINE_PASSED;
    case VERDICT_SAME_PERSON: return ERR_SECOND_PERSON;
    default: return OK;
    }
}
