/* From the filters of assets/list to SQL. Source: contract A4. */
#ifndef ASSETS_FILTER_H
#define ASSETS_FILTER_H

#include "base/db.h"
#include "build/gen/operations.h"

/* Adds " from assets a join clients c ... where ..." with every filter that was given and the client's wish to hide
 * what is absent. now_ms decides what is OFFLINE and ABSENT. Searches make the statement be planned for its values;
 * returns whether there is one: the caller then ends the select with OFFSET 0 and sorts outside of it, else the planner
 * takes the rows in the sort's order and searches in each, because it expects a page to be full soon. */
bool assets_filter_add(struct sql *q, const char *client_id, const struct assets_filter *f, int64_t now_ms);

/* Which last_seen and absence the asked statuses allow at all, so that an index narrows what asset_status() judges. */
struct status_span {
    bool any;         /* no status asked: everything */
    bool none;        /* only BLOCKED: nothing */
    bool not_absent;  /* ABSENT is not asked */
    bool silent_only; /* only OFFLINE, ABSENT: silent for a day at least */
    bool alive_only;  /* neither OFFLINE nor ABSENT */
};
struct status_span status_span_of(const struct strings *statuses);

#endif
