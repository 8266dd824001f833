/* How the SOC changes an incident: the members that it gives, and the lifecycle Open <-> On hold -> Resolved -> Closed, from where only
 * the SOC reopens. Resolved and Closed always have a resolution; a Resolved incident is closed by itself after 72 h.
 * Source: contract A5, B1. */
#ifndef INCIDENTS_REVISE_H
#define INCIDENTS_REVISE_H

#include "incidents/change.h"

enum { CLOSE_AFTER_MS = 72 * 3600 * 1000 };

struct revision {
    const char *incident_id;
    const struct incident_texts *texts;
    const struct incident_hosts *hosts;                   /* found before the transaction began; NULL = as they are */
    const char *status, *status_description, *resolution; /* NULL = as they are */
};

/* Locks, checks, changes, appends the ledger row; *stamp is what it was stamped with, rows hold body, comments, attachments, responses.
 * ERR_NOT_FOUND, ERR_INVALID (a status without the resolution that it needs). */
enum err incident_revise(struct request *r, struct tx *tx, const struct revision *v, int64_t *stamp,
                         struct rows *rows) must_check;

#endif
