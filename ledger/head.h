/* The signed head of a ledger, kept outside the database; see ledger/verify.h. */
#ifndef LEDGER_HEAD_H
#define LEDGER_HEAD_H

#include <stdint.h>

#include "base/err.h"
#include "ledger/chain.h"

struct ledger_head {
    int64_t position, time_ms;
    char hash[CHAIN_HEX_BYTES];
};

/* ERR_NOT_FOUND: there is none, or its key is gone. ERR_INVALID: unreadable, of another client, or not signed by us. */
enum err head_read(const char *dir, const char *client_id, struct ledger_head *out) must_check;
/* Replaces the file at once; makes the folder. ERR_INTERNAL: cannot be written (logged), or no keys. */
enum err head_write(const char *dir, const char *client_id, const struct ledger_head *head) must_check;

#endif
