/* A response that is to be carried out: found, locked, with what responses/execution.h judges by. */
#ifndef RESPONSES_TASK_H
#define RESPONSES_TASK_H

#include "auth/request.h"
#include "responses/execution.h"

/* All borrowed from the request's arena. */
struct task {
    const char *response_id, *incident_id, *tenant_id, *asset_id, *type;
    const char *parameters; /* JSON text as stored */
    const char *status, *undone_by;
    const char *declared_system; /* that its type rests on, see responses/support.h */
    bool declared;               /* by the session that asks, where that is needed */
    const char *undo_of;         /* what it takes back; "" = nothing */
    const char *decided_tenant;  /* the asset's when it was decided */
    bool by_duration;            /* decided by the gateway: a release because the isolation's time is over */
    bool intact;                 /* the content is that which was created */
    int64_t approvals;           /* people who confirmed, all different ones */
    int64_t lease_until, not_after;
    struct execution execution; /* mine: of the session that asks */
};

/* SQL behind "with c as (update responses ... returning *)", $1 being the client: the record of each change; and "delete ...", for a
 * part of its own, of the job of what has come to its end. */
#define RESPONSE_RECORD_SQL(by, connection)                                                                            \
    "ledger_append(c.update_time, c.tenant_id, c.incident_id, 'incident_response', c.response_id, 'update', " by       \
    ", " connection ", c.body)"
#define TASK_DONE_SQL                                                                                                  \
    "delete from due using c where due.client_id = $1 and due.kind = 'execute' and due.object_id = c.response_id"

/* Shares the client's lock, so that freezing waits for this transaction, or this one sees the freeze: before any other
 * lock. ERR_TOKEN: the session was revoked while it waited. */
enum err tasks_enter(struct request *r, struct tx *tx) must_check;

/* Locks the incidents and then the responses, each by id; those out of sight are left out. In the order of the incidents. */
enum err tasks_lock(struct request *r, struct tx *tx, const struct strings *response_ids, struct task **list,
                    size_t *n) must_check;

/* One of them. ERR_NOT_FOUND. */
enum err task_lock(struct request *r, struct tx *tx, const char *response_id, struct task *out) must_check;

/* {response_id, epoch, state, lease_until, not_after} as it stands now. */
enum err task_show(struct request *r, struct tx *tx, const char *response_id, struct buf *out) must_check;

/* Job of due.kind 'execute': the end of a lease, and not_after. Safe to run twice at once; does nothing too early. */
enum err task_clock_run(const char *client_id, const char *response_id) must_check;

#endif
