/* The hash chain of a ledger, computed apart from the database. */
#ifndef LEDGER_CHAIN_H
#define LEDGER_CHAIN_H

#include <stddef.h>
#include <stdint.h>

enum { CHAIN_HASH_BYTES = 32, CHAIN_HEX_BYTES = 65, CHAIN_FIELDS = 11 };

/* hash = SHA-256(previous hash, nothing before the first row; then the fields joined by the byte 31).
 * Fields: client_id, position, changed_at, tenant_id, incident_id, kind, object_id, operation, changed_by, connection,
 * snapshot; numbers in decimal. The same as ledger_hash() in migrations/001_foundation.sql. */
struct chain_field {
    const char *text;
    size_t len;
};
struct chain {
    unsigned char hash[CHAIN_HASH_BYTES];
    int64_t rows;
};
void chain_add(struct chain *c, const struct chain_field fields[CHAIN_FIELDS]);
void chain_hex(const struct chain *c, char out[CHAIN_HEX_BYTES]);

#endif
