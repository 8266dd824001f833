/* A run of a schedule: one mail to each of its addresses, in one transaction with the next run's time. Source: contract A8. */
#ifndef REPORTS_SCHEDULE_RUN_H
#define REPORTS_SCHEDULE_RUN_H

#include "auth/request.h"
#include "reports/schedule_times.h"

/* A schedule's row, in the arena. */
struct schedule {
    const char *schedule_id, *schedule_name, *type, *time, *timezone, *language;
    struct strings days, emails, tenants; /* tenants: ids; empty when all_tenants */
    bool all_tenants;
};

/* Reads it; locks its row until the transaction ends. ERR_NOT_FOUND: none. */
enum err schedule_lock(struct arena *arena, struct tx *tx, const char *client_id, const char *schedule_id,
                       struct schedule *out) must_check;

/* Queues the mails of the run that was due at due_s. Nothing where none of its tenants is left. */
enum err schedule_queue(struct arena *arena, struct tx *tx, const char *client_id, const struct schedule *s,
                        const struct schedule_rule *rule, const struct tz *zone, int64_t due_s) must_check;

/* The worker's job (due.kind 'schedule'): the run that is due, once however many were missed, and the next one's time.
 * ERR_INTERNAL: the zone is not known here. */
enum err schedule_due(const char *client_id, const char *schedule_id) must_check;

#endif
