/* What every change of an incident's comments, attachments and responses does to the incident (contract A5, History). */
#ifndef INCIDENTS_TOUCH_H
#define INCIDENTS_TOUCH_H

#include "auth/request.h"

/* Locks the incident until the end of the transaction. ERR_NOT_FOUND: unknown, or not one that the scope may see. */
enum err incident_lock(struct request *r, struct tx *tx, const char *incident_id) must_check;

/* What an incident's comments and responses may hold together; they all stand in its row and in each list that shows it. */
enum { INCIDENT_CHILDREN_BYTES_MAX = 4 * 1024 * 1024 };

/* After incident_lock(), before a child is added: ERR_CONFLICT where more_bytes of text would be too many. */
enum err incident_room(struct request *r, struct tx *tx, const char *incident_id, size_t more_bytes) must_check;

/* After the child's own ledger row: gathers the children anew, moves update_time to the stamp and appends the incident's
 * `update` record. child_records: how many records the children got in this transaction. */
enum err incident_touch(struct request *r, struct tx *tx, const char *incident_id, int64_t stamp,
                        int child_records) must_check;

#endif
