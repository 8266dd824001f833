#include "rules/local_time.h"

/* "HH:MM", checked by the schema. */
static int minutes(const char *clock) {
    return ((clock[0] - '0') * 10 + clock[1] - '0') * 60 + (clock[3] - '0') * 10 + clock[4] - '0';
}

static bool window_has(const struct rule_window *w, int weekday, int minute) {
    static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
    int from = minutes(w->from), to = minutes(w->to);
    bool begins_today = strings_have(&w->days, days[weekday]);
    bool begun_yesterday = strings_have(&w->days, days[(weekday + 6) % 7]);
    if (from < to) return begins_today && minute >= from && minute < to;
    return (begins_today && minute >= from) || (begun_yesterday && minute < to);
}

bool local_time_matches(const struct rule_local_time *when, const struct tz *zone, int64_t now_ms) {
    struct tm local = tz_local(zone, now_ms / 1000 - (now_ms % 1000 < 0));
    bool inside = false;
    for (size_t i = 0; i < when->windows_n && !inside; i++)
        inside = window_has(&when->windows[i], local.tm_wday, local.tm_hour * 60 + local.tm_min);
    return inside != when->outside;
}
