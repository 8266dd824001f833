/* When a schedule's reports are due, and of which days. Pure. Source: contract A8.
 *
 * A time that the zone's clock skips is due as soon as the clock goes on (02:30 of a night that jumps from 02:00 to 03:00:
 * at 03:00), one that it shows twice the first time: once a day in any case. A day of the month that a month has not is
 * its last one, once, however many of 29, 30 and 31 are asked. */
#ifndef REPORTS_SCHEDULE_TIMES_H
#define REPORTS_SCHEDULE_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strings.h"
#include "base/tz.h"

enum schedule_type { SCHEDULE_DAILY, SCHEDULE_WEEKLY, SCHEDULE_MONTHLY };

struct schedule_rule {
    enum schedule_type type;
    uint32_t days; /* weekly: bit 0 = Monday ... 6; monthly: bit 1 = the 1st ... 31 */
    int minute;    /* of the day, on the zone's clock */
};

/* type daily|weekly|monthly; days MON..SUN for weekly, "1".."31" for monthly, not looked at for daily; clock "HH:MM".
 * *bad_day: index of the first day that the type does not have, or -1. False: that, no days where some are needed, or type
 * or clock unknown. */
bool schedule_rule_parse(const char *type, const struct strings *days, const char *clock, struct schedule_rule *out,
                         long *bad_day);

/* The first moment after, and the last one not after. Seconds since 1970. */
int64_t schedule_next(const struct schedule_rule *rule, const struct tz *zone, int64_t after_s);
int64_t schedule_latest(const struct schedule_rule *rule, const struct tz *zone, int64_t until_s);

/* [from, to) of the report that is due at that moment: the local day before, the seven days before, the month before. */
struct schedule_period {
    int64_t from_s, to_s;
};
struct schedule_period schedule_period(const struct schedule_rule *rule, const struct tz *zone, int64_t due_s);

#endif
