#include "responses/approval.h"

#include <string.h>

#include "auth/gateway.h"
#include "auth/write.h"
#include "incidents/touch.h"

#define MOVED_COMMENT "The asset belongs to another tenant by now: it has to be confirmed for that one."
#define CRITICAL_COMMENT "The asset is critical by now: two people have to confirm."

enum err approval_check(const struct task *t, const struct asset_brief *asset) {
    bool ends_isolation = *t->undo_of && !strcmp(t->undo_of, asset->isolated_by);
    if (t->by_duration && !ends_isolation) return ERR_CONFLICT;
    if (strcmp(t->decided_tenant, asset->tenant_id) != 0 && !ends_isolation) return ERR_MOVED;
    if (asset->critical && t->approvals < 2 && strcmp(t->type, "RELEASE_HOST") != 0) return ERR_SECOND_PERSON;
    return OK;
}

/* The epoch stays: what was handed out before is refused. */
enum err approval_reopen(struct request *r, struct tx *tx, const struct task *t, int64_t *last) {
    bool moved = t->execution.approval == ERR_MOVED;
    TRY(write_clock(tx, 1, last));
    TRY(tx_run(tx, NULL,
               "with c as ("
               "    update responses p set status = 'New', comment = $4, update_time = $3,"
               "           critical = critical or not $6,"
               "           execution_state = 'none', execution = default, not_after = 0, lease_until = 0,"
               "           decide_until = case when decide_until = 0 then 0 else $3 + decide_until - creation_time end,"
               "           decided_by = json_build_object('kind', '', 'id', '', 'name', '',"
               "                   'approvals', case when $6 then '[]' else decided_by -> 'approvals' end)"
               "     where client_id = $1 and response_id = $2 returning *"
               "), done as ("
               "    " TASK_DONE_SQL "), todo as ("
               "    insert into due (client_id, kind, object_id, due_at)"
               "    select client_id, 'decide', response_id, decide_until from c where decide_until > 0"
               ")"
               "select " RESPONSE_RECORD_SQL("$5", "''") " from c",
               "ssissb", r->client_id, t->response_id, *last, moved ? MOVED_COMMENT : CRITICAL_COMMENT, GATEWAY_AUTHOR,
               (int)moved));
    return incident_touch(r, tx, t->incident_id, *last, 1);
}
