/* The ledger rows of assets. */
#ifndef ASSETS_RECORD_H
#define ASSETS_RECORD_H

#include "auth/request.h"

/* One row per asset that came or changed, as it stands now, in the order of their ids. They share one stamp: a stamp each would
 * drive the client's clock, which incidents go by, ahead of the wall when a thousand assets come at once. created, changed:
 * ids as PostgreSQL writes an array, "{0x...,0x...}". The clock is taken. */
enum err assets_record(struct request *r, struct tx *tx, const char *created, const char *changed,
                       int64_t stamp) must_check;

#endif
