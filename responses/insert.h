/* The one place where responses come into being: proposals, undoing, and releases that the gateway makes by itself. */
#ifndef RESPONSES_INSERT_H
#define RESPONSES_INSERT_H

#include "auth/request.h"
#include "build/gen/operations.h"

/* One action on one or several assets of one incident. Borrowed. */
struct draft {
    const char *incident_id, *tenant_id; /* the incident's */
    const struct response_type *type;
    const void *values; /* struct params_<TYPE>, checked */
    const char *description;
    int64_t decide_within_s;                 /* 0 = no deadline */
    int64_t execute_within_s;                /* 0 = the default */
    const char *group_id;                    /* "" for a single one */
    const char *undo_of;                     /* response_id that it takes back; "" for none */
    struct strings ids, asset_ids, critical; /* one each; critical: "t" where two people are needed, else "f" */
    struct strings declared_systems;         /* one each; see responses/support.h */
};

char *response_id_new(struct arena *arena);

/* Writes them as New with the stamps first, first + 1, ..., a ledger row each. The incident is locked, the clock taken;
 * incident_touch() follows. ERR_TOO_LARGE: the parameters; ERR_CONFLICT: the incident has no room for them. */
enum err responses_insert(struct request *r, struct tx *tx, const struct draft *d, int64_t first) must_check;

#endif
