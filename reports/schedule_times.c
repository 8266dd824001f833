#include "reports/schedule_times.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_DAYS = 64, GAP_MAX_S = 26 * 3600 };

/* ---- the rule ---- */

static bool type_of(const char *text, enum schedule_type *out) {
    static const char *const NAMES[] = {"daily", "weekly", "monthly"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, NAMES[i]) != 0) continue;
        *out = (enum schedule_type)i;
        return true;
    }
    return false;
}

static bool minute_of(const char *clock, int *out) {
    if (strlen(clock) != 5 || clock[2] != ':') return false;
    for (int i = 0; i < 5; i++)
        if (i != 2 && (clock[i] < '0' || clock[i] > '9')) return false;
    int hour = atoi(clock), minute = atoi(clock + 3);
    *out = hour * 60 + minute;
    return hour < 24 && minute < 60;
}

static uint32_t weekday_bit(const char *day) {
    static const char NAMES[] = "MONTUEWEDTHUFRISATSUN";
    for (int i = 0; i < 7; i++)
        if (strlen(day) == 3 && !memcmp(NAMES + 3 * i, day, 3)) return 1u << i;
    return 0;
}

static uint32_t month_day_bit(const char *day) {
    unsigned long long n = 0;
    return *day != '0' && parse_uint(day, 31, &n) && n ? 1u << n : 0;
}

bool schedule_rule_parse(const char *type, const struct strings *days, const char *clock, struct schedule_rule *out,
                         long *bad_day) {
    *out = (struct schedule_rule){0};
    *bad_day = -1;
    if (!type_of(type, &out->type) || !minute_of(clock, &out->minute)) return false;
    if (out->type == SCHEDULE_DAILY) return true;
    for (size_t i = 0; i < days->n; i++) {
        uint32_t bit = out->type == SCHEDULE_WEEKLY ? weekday_bit(days->v[i]) : month_day_bit(days->v[i]);
        if (!bit) {
            *bad_day = (long)i;
            return false;
        }
        out->days |= bit;
    }
    return out->days != 0;
}

/* ---- its moments ---- */

/* A date of the zone's calendar with its weekday, some days on from another. */
static struct tm day_on(const struct tm *date, int days) {
    struct tm out = {.tm_year = date->tm_year, .tm_mon = date->tm_mon, .tm_mday = date->tm_mday + days, .tm_hour = 12};
    timegm(&out);
    return out;
}

static bool is_last_of_month(const struct tm *date) { return day_on(date, 1).tm_mday == 1; }

static bool matches(const struct schedule_rule *rule, const struct tm *date) {
    switch (rule->type) {
    case SCHEDULE_DAILY: return true;
    case SCHEDULE_WEEKLY: return rule->days >> (date->tm_wday + 6) % 7 & 1;
    case SCHEDULE_MONTHLY: break;
    }
    uint32_t wanted = rule->days >> date->tm_mday;
    return (wanted & 1) || (wanted && is_last_of_month(date));
}

/* The moment at which the offset that holds at `moment` began, at most a day earlier. */
static int64_t offset_began(const struct tz *zone, int64_t moment) {
    int seconds = tz_offset_at(zone, moment).seconds;
    int64_t before = moment - GAP_MAX_S, since = moment;
    while (since - before > 1) {
        int64_t middle = before + (since - before) / 2;
        if (tz_offset_at(zone, middle).seconds == seconds)
            since = middle;
        else
            before = middle;
    }
    return since;
}

/* The first moment at which the zone's clock shows this, or has gone past it. */
static int64_t moment_of(const struct tz *zone, const struct tm *date, int minute) {
    struct tm wall = {.tm_year = date->tm_year, .tm_mon = date->tm_mon, .tm_mday = date->tm_mday, .tm_min = minute};
    int64_t moment = tz_to_unix(zone, &wall);
    struct tm shown = tz_local(zone, moment);
    bool skipped = shown.tm_hour * 60 + shown.tm_min != minute % (24 * 60) || shown.tm_mday != date->tm_mday;
    return skipped ? offset_began(zone, moment) : moment;
}

int64_t schedule_next(const struct schedule_rule *rule, const struct tz *zone, int64_t after_s) {
    struct tm today = tz_local(zone, after_s);
    for (int i = -1; i < LOOK_DAYS; i++) {
        struct tm date = day_on(&today, i);
        if (!matches(rule, &date)) continue;
        int64_t moment = moment_of(zone, &date, rule->minute);
        if (moment > after_s) return moment;
    }
    abort(); /* every rule has a day in any month */
}

int64_t schedule_latest(const struct schedule_rule *rule, const struct tz *zone, int64_t until_s) {
    struct tm today = tz_local(zone, until_s);
    for (int i = 1; i > -LOOK_DAYS; i--) {
        struct tm date = day_on(&today, i);
        if (!matches(rule, &date)) continue;
        int64_t moment = moment_of(zone, &date, rule->minute);
        if (moment <= until_s) return moment;
    }
    abort();
}

/* ---- its periods ---- */

struct schedule_period schedule_period(const struct schedule_rule *rule, const struct tz *zone, int64_t due_s) {
    struct tm today = tz_local(zone, due_s), from = today, to = today;
    if (rule->type == SCHEDULE_MONTHLY) {
        to.tm_mday = 1;
        from = day_on(&to, -1);
        from.tm_mday = 1;
    } else {
        from = day_on(&today, rule->type == SCHEDULE_DAILY ? -1 : -7);
    }
    return (struct schedule_period){moment_of(zone, &from, 0), moment_of(zone, &to, 0)};
}
