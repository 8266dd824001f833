/* Is a moment inside windows of local time? Pure.
 *
 * Judged by what the zone's clock shows: a window that begins on Monday at 22:00 and ends at 06:00 holds Monday from 22:00
 * and Tuesday until before 06:00 as the clock shows them. An hour that comes twice (autumn) is inside both times or neither; one
 * that is skipped (spring) never comes. Where `to` is not later than `from` the window ends on the next day; equal ones are
 * 24 hours. Source: contract B4. */
#ifndef RULES_LOCAL_TIME_H
#define RULES_LOCAL_TIME_H

#include "base/tz.h"
#include "build/gen/operations.h"

bool local_time_matches(const struct rule_local_time *when, const struct tz *zone, int64_t now_ms);

#endif
