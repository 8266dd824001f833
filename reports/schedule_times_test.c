/* Next and latest runs over zones whose clocks jump; each row was worked out by hand from the zone's rules. */
#include "reports/schedule_times.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit.h"

static struct strings split(struct arena *arena, const char *days) { return strings_split(arena, days, ' '); }

static bool parse(const char *type, const char *days, const char *clock, struct schedule_rule *rule, long *bad) {
    struct arena arena;
    arena_init(&arena, 64 * 1024);
    struct strings list = split(&arena, days);
    bool good = schedule_rule_parse(type, &list, clock, rule, bad);
    arena_free(&arena);
    return good;
}

/* "2026-03-29 01:00" UTC */
static int64_t utc(const char *text) {
    struct tm t = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &t));
    return timegm(&t);
}

static void show(int64_t s, char *out, size_t size) {
    struct tm t;
    time_t at = (time_t)s;
    gmtime_r(&at, &t);
    strftime(out, size, "%Y-%m-%d %H:%M", &t);
}

static void test_next(void **state) {
    (void)state;
    static const struct {
        const char *type, *days, *clock, *zone, *after, *next;
    } ROWS[] = {
        {"daily", "", "09:00", "Asia/Tokyo", "2026-11-21 23:59", "2026-11-22 00:00"},
        {"daily", "", "09:00", "Asia/Tokyo", "2026-11-22 00:00", "2026-11-23 00:00"},
        {"daily", "", "00:00", "UTC", "2026-12-31 12:00", "2027-01-01 00:00"},
        {"daily", "", "23:59", "Pacific/Kiritimati", "2026-06-01 00:00", "2026-06-01 09:59"},
        /* Berlin 2026-03-29: 02:00 -> 03:00 at 01:00 UTC; 02:30 is skipped */
        {"daily", "", "02:30", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00"},
        {"daily", "", "02:30", "Europe/Berlin", "2026-03-29 01:00", "2026-03-30 00:30"},
        {"daily", "", "02:00", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00"},
        {"daily", "", "03:00", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00"},
        {"daily", "", "01:59", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 00:59"},
        /* Berlin 2026-10-25: 03:00 -> 02:00 at 01:00 UTC; 02:30 comes twice */
        {"daily", "", "02:30", "Europe/Berlin", "2026-10-24 12:00", "2026-10-25 00:30"},
        {"daily", "", "02:30", "Europe/Berlin", "2026-10-25 00:30", "2026-10-26 01:30"},
        {"daily", "", "02:30", "Europe/Berlin", "2026-10-25 01:00", "2026-10-26 01:30"},
        /* New York 2026-03-08 02:00 -> 03:00 at 07:00 UTC, 2026-11-01 02:00 -> 01:00 at 06:00 UTC */
        {"weekly", "SUN", "02:15", "America/New_York", "2026-03-02 00:00", "2026-03-08 07:00"},
        {"weekly", "SUN", "01:30", "America/New_York", "2026-10-26 00:00", "2026-11-01 05:30"},
        {"weekly", "SUN", "01:30", "America/New_York", "2026-11-01 05:30", "2026-11-08 06:30"},
        /* Lord Howe 2026-10-04: half an hour, 02:00 -> 02:30 at 15:30 UTC of the 3rd */
        {"daily", "", "02:15", "Australia/Lord_Howe", "2026-10-03 00:00", "2026-10-03 15:30"},
        /* Cairo 2026-04-24: midnight itself is skipped, 00:00 -> 01:00 at 22:00 UTC of the 23rd */
        {"daily", "", "00:30", "Africa/Cairo", "2026-04-23 00:00", "2026-04-23 22:00"},
        /* Apia had no 2011-12-30 */
        {"daily", "", "08:00", "Pacific/Apia", "2011-12-29 18:00", "2011-12-30 10:00"},
        {"daily", "", "08:00", "Pacific/Apia", "2011-12-30 10:00", "2011-12-30 18:00"},
        {"weekly", "MON", "09:00", "Asia/Tokyo", "2026-11-22 00:00", "2026-11-23 00:00"},
        {"weekly", "MON FRI", "09:00", "Asia/Tokyo", "2026-11-23 00:00", "2026-11-27 00:00"},
        {"weekly", "SUN", "23:00", "America/Los_Angeles", "2026-11-22 00:00", "2026-11-23 07:00"},
        {"monthly", "1", "00:00", "Asia/Tokyo", "2026-11-22 00:00", "2026-11-30 15:00"},
        {"monthly", "31", "10:00", "UTC", "2026-01-31 10:00", "2026-02-28 10:00"},
        {"monthly", "31", "10:00", "UTC", "2028-01-31 10:00", "2028-02-29 10:00"},
        {"monthly", "31", "10:00", "UTC", "2026-04-01 00:00", "2026-04-30 10:00"},
        {"monthly", "29 30 31", "10:00", "UTC", "2026-02-27 10:00", "2026-02-28 10:00"},
        {"monthly", "29 30 31", "10:00", "UTC", "2026-02-28 10:00", "2026-03-29 10:00"},
        {"monthly", "15 30", "10:00", "UTC", "2026-02-15 10:00", "2026-02-28 10:00"},
        {"monthly", "28", "10:00", "UTC", "2026-02-28 10:00", "2026-03-28 10:00"},
        {"monthly", "29", "02:30", "Europe/Berlin", "2026-03-01 00:00", "2026-03-29 01:00"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct schedule_rule rule;
        long bad;
        char got[32];
        scope_tz struct tz *zone = tz_open(ROWS[i].zone);
        assert_non_null(zone);
        assert_true(parse(ROWS[i].type, ROWS[i].days, ROWS[i].clock, &rule, &bad));
        int64_t next = schedule_next(&rule, zone, utc(ROWS[i].after));
        show(next, got, sizeof got);
        if (strcmp(got, ROWS[i].next) != 0)
            print_message("%s %s %s after %s\n", ROWS[i].type, ROWS[i].clock, ROWS[i].zone, ROWS[i].after);
        assert_string_equal(got, ROWS[i].next);
        assert_int_equal(schedule_latest(&rule, zone, next), next);
        assert_true(schedule_latest(&rule, zone, next - 1) <= utc(ROWS[i].after));
    }
}

/* Over years, minute by minute of the jumps: one run a local day, in order, and latest is the inverse of next. */
static void test_once_a_day(void **state) {
    (void)state;
    static const char *const ZONES[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo",
                                        "Asia/Tokyo",    "America/Nuuk",     "Antarctica/Troll",    "America/Havana",
                                        "Asia/Gaza",     "Africa/Casablanca"};
    for (size_t z = 0; z < sizeof ZONES / sizeof *ZONES; z++) {
        scope_tz struct tz *zone = tz_open(ZONES[z]);
        for (int minute = 0; minute < 1440; minute += 37) {
            struct schedule_rule rule = {SCHEDULE_DAILY, 0, minute};
            int64_t at = utc("2026-01-01 12:00"), end = utc("2027-02-01 12:00");
            int runs = 0;
            while ((at = schedule_next(&rule, zone, at)) < end) {
                runs++;
                int64_t next = schedule_next(&rule, zone, at);
                assert_in_range((uint64_t)(next - at), 20 * 3600, 28 * 3600);
                assert_int_equal(schedule_latest(&rule, zone, next - 1), at);
            }
            assert_int_equal(runs, 396);
        }
    }
}

static void test_periods(void **state) {
    (void)state;
    static const struct {
        const char *type, *days, *zone, *due, *from, *to;
    } ROWS[] = {
        {"daily", "", "Asia/Tokyo", "2026-11-22 00:00", "2026-11-20 15:00", "2026-11-21 15:00"},
        {"daily", "", "Europe/Berlin", "2026-03-30 07:00", "2026-03-28 23:00", "2026-03-29 22:00"},
        {"daily", "", "Europe/Berlin", "2026-10-26 07:00", "2026-10-24 22:00", "2026-10-25 23:00"},
        {"daily", "", "Africa/Cairo", "2026-04-25 07:00", "2026-04-23 22:00", "2026-04-24 21:00"},
        {"weekly", "MON", "Asia/Tokyo", "2026-11-23 00:00", "2026-11-15 15:00", "2026-11-22 15:00"},
        {"weekly", "MON", "UTC", "2027-01-04 09:00", "2026-12-28 00:00", "2027-01-04 00:00"},
        {"monthly", "31", "Asia/Tokyo", "2026-11-30 00:00", "2026-09-30 15:00", "2026-10-31 15:00"},
        {"monthly", "1", "UTC", "2027-01-01 00:00", "2026-12-01 00:00", "2027-01-01 00:00"},
        {"monthly", "31", "UTC", "2026-03-31 00:00", "2026-02-01 00:00", "2026-03-01 00:00"},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct schedule_rule rule;
        long bad;
        char from[32], to[32];
        scope_tz struct tz *zone = tz_open(ROWS[i].zone);
        assert_true(parse(ROWS[i].type, ROWS[i].days, "09:00", &rule, &bad));
        struct schedule_period p = schedule_period(&rule, zone, utc(ROWS[i].due));
        show(p.from_s, from, sizeof from);
        show(p.to_s, to, sizeof to);
        assert_string_equal(from, ROWS[i].from);
        assert_string_equal(to, ROWS[i].to);
    }
}

static void test_rules(void **state) {
    (void)state;
    struct schedule_rule rule;
    long bad;
    assert_true(parse("weekly", "SUN MON MON", "00:00", &rule, &bad));
    assert_int_equal(rule.days, 1 | 1 << 6);
    assert_true(parse("daily", "anything", "23:59", &rule, &bad));
    assert_false(parse("weekly", "", "09:00", &rule, &bad));
    assert_int_equal(bad, -1);
    assert_false(parse("weekly", "MON 1", "09:00", &rule, &bad));
    assert_int_equal(bad, 1);
    static const char *const BAD_DAYS[] = {"0", "32", "01", "MON", "-1", "1.5", "x", "99999999999999999999"};
    for (size_t i = 0; i < sizeof BAD_DAYS / sizeof *BAD_DAYS; i++) {
        assert_false(parse("monthly", BAD_DAYS[i], "09:00", &rule, &bad));
        assert_int_equal(bad, 0);
    }
    static const char *const BAD_CLOCKS[] = {"24:00", "9:00", "09:60", "09-00", "", "09:000", "0a:00", "+9:00"};
    for (size_t i = 0; i < sizeof BAD_CLOCKS / sizeof *BAD_CLOCKS; i++)
        assert_false(parse("daily", "", BAD_CLOCKS[i], &rule, &bad));
    assert_false(parse("hourly", "", "09:00", &rule, &bad));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_once_a_day),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
