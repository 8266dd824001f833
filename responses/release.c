#include "responses/release.h"

#include <string.h>

#include "assets/isolation.h"
#include "auth/gateway.h"
#include "auth/write.h"
#include "base/clock.h"
#include "responses/reversal.h"
#include "responses/types.h"

enum { EXECUTE_WITHIN_S = 7 * 24 * 3600, LOOK_AGAIN_MS = 60 * 1000 };

static enum err is_due(struct request *r, struct tx *tx, const char *response_id, bool *due) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select 1 from due where client_id = $1 and kind = 'release' and object_id = $2"
               "   and due_at <= " SQL_NOW_MS " for update",
               "ss", r->client_id, response_id));
    *due = rows.n > 0;
    return OK;
}

static enum err settle_due(struct request *r, struct tx *tx, const char *response_id, bool again) {
    if (!again)
        return tx_run(tx, NULL, "delete from due where client_id = $1 and kind = 'release' and object_id = $2", "ss",
                      r->client_id, response_id);
    return tx_run(tx, NULL,
                  "update due set due_at = " SQL_NOW_MS " + $3"
                  " where client_id = $1 and kind = 'release' and object_id = $2",
                  "ssi", r->client_id, response_id, (int64_t)LOOK_AGAIN_MS);
}

/* Confirmed with the isolation itself, so by nobody anew: also where the asset is critical. */
static enum err release(struct request *r, struct tx *tx, const struct task *t, int64_t *last) {
    const char *id = NULL;
    struct reversal v = {.of = t,
                         .type = response_type_find("RELEASE_HOST"),
                         .values = "", /* it takes none */
                         .description = "The time of the isolation is over.",
                         .execute_within_s = EXECUTE_WITHIN_S,
                         .decision = {.status = "Confirmed",
                                      .comment = "Released automatically after the ordered duration",
                                      .kind = "duration",
                                      .id = t->response_id,
                                      .name = GATEWAY_AUTHOR,
                                      .changed_by = GATEWAY_AUTHOR,
                                      .connection = ""}};
    return reversal_write(r, tx, &v, &id, last);
}

static enum err run(struct request *r, const char *response_id) {
    struct reply nothing = {0};
    struct task t = {0};
    const char *isolated_by = "";
    enum reversal_state earlier = REVERSAL_NONE;
    bool due = false;
    int64_t last = 0;
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(task_lock(r, &tx, response_id, &t));
    TRY(asset_isolated_by(r, &tx, t.asset_id, &isolated_by));
    TRY(is_due(r, &tx, response_id, &due));
    TRY(reversal_find(r, &tx, &t, &earlier));
    bool isolated = !strcmp(isolated_by, response_id), under_way = earlier == REVERSAL_UNDER_WAY;
    if (due) TRY(settle_due(r, &tx, response_id, isolated && under_way));
    if (due && isolated && !under_way) TRY(release(r, &tx, &t, &last));
    return write_commit(r, &tx, last, &nothing);
}

enum err release_run(const char *client_id, const char *response_id) {
    return gateway_run(run, client_id, response_id);
}
