#include "rules/change.h"

#include "auth/write.h"

enum err rules_may_change(struct request *r) {
    if (r->who.all_tenants) return OK;
    return fail(r, ERR_FORBIDDEN, "Rules concern all tenants; the token is limited to some of them.");
}

enum err rules_record(struct request *r, struct tx *tx, const char *object_id, const char *operation, int64_t stamp,
                      const char *snapshot) {
    return tx_run(tx, NULL, "select ledger_append($1, '-', '', 'auto_rule', $2, $3, $4, $5, $6)", "isssss", stamp,
                  object_id, operation, r->who.name, r->who.session_id, snapshot);
}
