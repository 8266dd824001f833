/* What writers of incidents and responses need to know of the assets that they name. One statement for all of them. */
#ifndef ASSETS_FIND_H
#define ASSETS_FIND_H

#include <stdbool.h>

#include "auth/request.h"
#include "base/db.h"

/* All borrowed from the request's arena. */
struct asset_brief {
    const char *asset_id;    /* lower case, as asked */
    bool found;              /* false: no such asset, or one that the scope may not see; the rest is then empty */
    const char *host_name;   /* in the case it came in */
    const char *tenant_id;   /* "-" = root */
    const char *tenant_name; /* "" = root */
    const char *os_version;
    const char *device_kind; /* physical | vdi */
    const char *installed_product_info;
    struct strings tags; /* in the case they came in */
    bool critical;       /* tagged "critical", in any case: confirming takes two people (contract A7) */
    bool isolation;
};

/* Looks asset_ids up (lower-cased, as the validator leaves them; doubles allowed): *found gets asset_ids->n entries in
 * the order asked, missing ones marked. A missing one is no error here: the caller knows which member named it.
 * ERR_UNAVAILABLE, ERR_INTERNAL: *found is undefined. */
enum err assets_find(struct request *r, const struct db_scope *scope, const struct strings *asset_ids,
                     struct asset_brief **found) must_check;

/* The same inside a transaction. lock: the rows are held (for share) until it ends, so that they neither move to
 * another tenant nor change their tags meanwhile; lock before the clock, after the incident. */
enum err assets_find_tx(struct request *r, struct tx *tx, const struct strings *asset_ids, bool lock,
                        struct asset_brief **found) must_check;

/* How many assets the scope may see (for shares of a tenant or client); tenant_id NULL = of all tenants. */
enum err assets_find_total(const struct db_scope *scope, const char *tenant_id, int64_t *total) must_check;

#endif
