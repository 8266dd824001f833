#include "assets/isolation.h"

#include "assets/record.h"
#include "auth/write.h"

enum err asset_isolated_by(struct request *r, struct tx *tx, const char *asset_id, const char **response_id) {
    scope_rows struct rows rows = {0};
    TRY(write_scope(tx, true));
    TRY(tx_run(tx, &rows, "select isolated_by from assets where client_id = $1 and asset_id = $2 for no key update",
               "ss", r->client_id, asset_id));
    *response_id = rows.n ? arena_strdup(r->arena, rows_text(&rows, 0, 0)) : "";
    return write_scope(tx, false);
}

enum err asset_isolate(struct request *r, struct tx *tx, const char *asset_id, const char *response_id, int64_t stamp) {
    scope_rows struct rows rows = {0};
    TRY(write_scope(tx, true));
    TRY(tx_run(tx, &rows,
               "update assets set isolation = $3 <> '', isolated_by = nullif($3, ''),"
               "       tags = array_remove(tags, $4) || case when $3 <> '' then array[$4] else '{}' end"
               " where client_id = $1 and asset_id = $2 returning array[asset_id]",
               "ssss", r->client_id, asset_id, response_id, ISOLATION_TAG));
    if (rows.n) TRY(assets_record(r, tx, "{}", rows_text(&rows, 0, 0), stamp));
    return write_scope(tx, false);
}
