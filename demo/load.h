/* Loads a client with a made-up organisation, at the speed of COPY, through the owner's connection (COPY is refused
 * under row-level security). Into a small table a large load goes with the secondary indexes switched off meanwhile.
 * Up to DEMO_ONE_TRANSACTION incidents are one transaction; more are many, by several connections: where such a load breaks
 * off, it leaves incidents without a ledger, which the next load of the client clears, and indexes switched off, which
 * any load builds. */
#ifndef DEMO_LOAD_H
#define DEMO_LOAD_H

#include <stdint.h>

#include "base/err.h"

enum { DEMO_ONE_TRANSACTION = 3000 };

struct demo_order {
    const char *owner_url; /* libpq connection string of a superuser */
    const char *client_id;
    const char *name; /* of the organisation, if the client has to be made */
    uint64_t seed;    /* same seed, same organisation; times count back from now */
    uint32_t assets, incidents;
};

struct demo_result {
    int64_t ledger_rows, ms;
};

/* After db_start(). Says on stderr how far it is (on a terminal all the time, else every 10 s) and what failed.
 * ERR_INVALID: not a superuser, bad client id, or fewer than 3 assets for incidents. ERR_CONFLICT: the client has
 * incidents already, or another load is running. ERR_UNAVAILABLE, ERR_INTERNAL. */
enum err demo_load(const struct demo_order *order, struct demo_result *out) must_check;

#endif
