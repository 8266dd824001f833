/* What the writers of responses need to know of the assets that they name. One statement for all of them. */
#ifndef ASSETS_FIND_H
#define ASSETS_FIND_H

#include <stdbool.h>

#include "auth/request.h"
#include "base/db.h"

/* All borrowed from the request's arena. */
struct asset_brief {
    const char *asset_id;  /* lower case, as asked */
    bool found;            /* false: no such asset, or one that the scope may not see; the rest is then empty */
    const char *tenant_id; /* "-" = root */
    const char *os_version;
    const char *isolated_by; /* the response that did; "" = not isolated by one */
    bool critical;           /* tagged "critical", in any case: confirming takes two people (contract A7) */
};

/* Looks asset_ids up (lower-cased, as the validator leaves them; doubles allowed) and holds their rows (for share) until
 * the transaction ends, so that they neither move to another tenant nor change their tags meanwhile: after the incident's
 * lock, before the clock. *found gets asset_ids->n entries in the order asked, missing ones marked. A missing one is no
 * error here: the caller knows which member named it. ERR_UNAVAILABLE, ERR_INTERNAL: *found is undefined. */
enum err assets_find(struct request *r, struct tx *tx, const struct strings *asset_ids,
                     struct asset_brief **found) must_check;

#endif
