#include "notify/daily.h"

#include "base/clock.h"

enum err daily_claim(struct request *r, const char *kind, const char *object_id, int64_t *now) {
    scope_rows struct rows rows = {0};
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    TRY(tx_run(&tx, &rows,
               "update due set due_at = " SQL_NOW_MS " + $4"
               " where client_id = $1 and kind = $2 and object_id = $3 and due_at <= " SQL_NOW_MS
               " returning due_at - $4",
               "sssi", r->client_id, kind, object_id, DAY_MS));
    *now = rows.n ? rows_int(&rows, 0, 0) : 0;
    return tx_commit(&tx);
}
