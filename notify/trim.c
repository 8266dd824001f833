#include "notify/trim.h"

#include "auth/gateway.h"
#include "base/clock.h"
#include "base/db.h"
#include "notify/daily.h"

enum { ROWS_AT_ONCE = 10000 };

/* $1 the client, $2 now, $3 rows at most. An acceptance that may still be running is counted by its rule, however old. */
#define COUNTED(delete) "with gone as (" delete " returning 1) select count(*) from gone"
static const char *const trims[] = {
    COUNTED("delete from mails where (client_id, mail_id) in (select client_id, mail_id from mails where client_id = $1"
            "   and state <> 'waiting' and finished_at < $2 - 30 * 86400000::bigint limit $3)"),
    COUNTED("delete from rule_uses where (client_id, response_id, rule_id) in ("
            "   select client_id, response_id, rule_id from rule_uses where client_id = $1"
            "      and not open and used_at < $2 - 90 * 86400000::bigint limit $3)"),
    COUNTED("delete from rule_evaluations where (client_id, response_id) in ("
            "   select client_id, response_id from rule_evaluations where client_id = $1"
            "      and evaluated_at < $2 - 400 * 86400000::bigint limit $3)"),
};
enum { TRIMS = sizeof trims / sizeof *trims };

static enum err trim(struct request *r, struct tx *tx, int64_t now, bool *more) {
    for (int i = 0; i < TRIMS; i++) {
        scope_rows struct rows rows = {0};
        TRY(tx_run(tx, &rows, trims[i], "sii", r->client_id, now, (int64_t)ROWS_AT_ONCE));
        *more |= rows_int(&rows, 0, 0) == ROWS_AT_ONCE;
    }
    return OK;
}

static enum err run(struct request *r, const char *object_id) {
    int64_t now = 0;
    bool more = false;
    TRY(daily_claim(r, "trim", object_id, &now));
    if (!now) return OK;
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    TRY(trim(r, &tx, now, &more));
    if (more)
        TRY(tx_run(&tx, NULL, "update due set due_at = $3 where client_id = $1 and kind = 'trim' and object_id = $2",
                   "ssi", r->client_id, object_id, now + MINUTE_MS));
    return tx_commit(&tx);
}

enum err trim_due(const char *client_id, const char *object_id) { return gateway_run(run, client_id, object_id); }
