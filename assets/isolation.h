/* Isolation as carried out by a response: the asset's flag and its tag. From then to its release the gateway knows better than
 * the SOC's reports, which leave both alone (assets/upsert.c). */
#ifndef ASSETS_ISOLATION_H
#define ASSETS_ISOLATION_H

#include "auth/request.h"

#define ISOLATION_TAG "ISOLATED FROM NETWORK"

/* Locks the asset and tells by which response it is isolated, "" = by none. Before the clock. Here and below also an asset that moved
 * to a tenant out of sight: the response was carried out all the same. */
enum err asset_isolated_by(struct request *r, struct tx *tx, const char *asset_id, const char **response_id) must_check;

/* By that response; "": released, by whatever it was isolated. With its ledger row. asset_isolated_by() came first, the clock is
 * taken. */
enum err asset_isolate(struct request *r, struct tx *tx, const char *asset_id, const char *response_id,
                       int64_t stamp) must_check;

#endif
