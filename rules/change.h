/* What every writer of rules does. */
#ifndef RULES_CHANGE_H
#define RULES_CHANGE_H

#include "auth/request.h"
#include "build/gen/operations.h"

/* ERR_FORBIDDEN for a token of some tenants: rules concern them all. */
enum err rules_may_change(struct request *r) must_check;

/* Appends the ledger row (kind auto_rule), with a stamp of write_clock(). */
enum err rules_record(struct request *r, struct tx *tx, const char *object_id, const char *operation, int64_t stamp,
                      const char *snapshot) must_check;

#endif
