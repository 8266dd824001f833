/* Whether a client's history is what was written: the chain of hashes, its end in the clock, the newest snapshot of
 * every incident, comment, response and attachment against the live row, and the head that an earlier check signed
 * outside the database (so that a cut or rewritten end is found too).
 *
 * Signed head: <data_dir>/ledger-heads/<client id>.json, {"client_id", "position", "hash", "time", "kid", "mac"}, mac an
 * HMAC-SHA-256 under a key of the key file. It moves forward with each check that finds nothing.
 * Source: design.md "The spine", security.md "Running it". */
#ifndef LEDGER_VERIFY_H
#define LEDGER_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct ledger_report {
    int64_t rows;          /* read */
    int64_t head_position; /* of the newest row; 0 = none */
    char head_hash[65];    /* in hex, "" = none */
    bool ok;
    char problem[400]; /* the first that was found, for people */
};

/* database_url: a libpq connection string that may read the client's rows. Sees one state of the database, also while
 * others write. heads_dir is made when missing. Keys are loaded.
 * ERR_NOT_FOUND: no such client. ERR_UNAVAILABLE, ERR_INTERNAL: not checked (logged). */
enum err ledger_verify(const char *database_url, const char *client_id, const char *heads_dir,
                       struct ledger_report *out) must_check;

#endif
