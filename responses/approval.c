#include "responses/approval.h"

#include <string.h>

#include "auth/gateway.h"
#include "auth/write.h"
#include "incidents/touch.h"

#define REOPENED_COMMENT "The asset is critical by now: two people have to confirm."

bool approval_suffices(const struct task *t, const struct asset_brief *asset) {
    return !asset->critical || t->approvals >= 2 || !strcmp(t->type, "RELEASE_HOST");
}

bool approval_superseded(const struct task *t, const struct asset_brief *asset) {
    return *t->ends && strcmp(t->ends, asset->isolated_by) != 0;
}

/* The epoch stays: what was handed out before is refused. */
enum err approval_reopen(struct request *r, struct tx *tx, const struct task *t, int64_t *last) {
    TRY(write_clock(tx, 1, last));
    TRY(tx_run(tx, NULL,
               "with c as ("
               "    update responses p set status = 'New', critical = true, comment = $4, update_time = $3,"
               "           execution_state = 'none', execution = default, not_after = 0, lease_until = 0,"
               "           decide_until = case when decide_until = 0 then 0 else $3 + decide_until - creation_time end,"
               "           decided_by = json_build_object('kind', '', 'id', '', 'name', '',"
               "                                          'approvals', decided_by -> 'approvals')"
               "     where client_id = $1 and response_id = $2 returning *"
               "), done as ("
               "    " TASK_DONE_SQL "), todo as ("
               "    insert into due (client_id, kind, object_id, due_at)"
               "    select client_id, 'decide', response_id, decide_until from c where decide_until > 0"
               ")"
               "select " RESPONSE_RECORD_SQL("$5", "''") " from c",
               "ssiss", r->client_id, t->response_id, *last, REOPENED_COMMENT, GATEWAY_AUTHOR));
    return incident_touch(r, tx, t->incident_id, *last, 1);
}
