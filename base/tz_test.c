/* Zones are compared with the C library's own answers, of 1970 to 2100, which needs TZ and so is done here only. */
#include "base/tz.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit.h"

static void test_names(void **state) {
    (void)state;
    static const char *const GOOD[] = {"Asia/Tokyo", "UTC", "Etc/GMT+9", "America/Argentina/Buenos_Aires",
                                       "Europe/Berlin"};
    static const char *const BAD[] = {"",         "/etc/passwd", "../../etc/passwd", "Asia",
                                      "Asia/",    "Asia//Tokyo", "Asia/Tokyo\n",     "Asia/Nowhere",
                                      "zone.tab", "tzdata.zi",   "leapseconds",      "asia/tokyo ",
                                      ":UTC",     "JST-9",       "Asia/../UTC"};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) assert_true(tz_valid(GOOD[i]));
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(tz_valid(BAD[i]));
    assert_false(tz_valid(NULL));
}

static void test_like_the_c_library(void **state) {
    (void)state;
    static const char *const ZONES[] = {"Asia/Tokyo",
                                        "Europe/Berlin",
                                        "America/New_York",
                                        "Australia/Lord_Howe",
                                        "Africa/Casablanca",
                                        "America/Sao_Paulo",
                                        "Asia/Kathmandu",
                                        "Pacific/Apia",
                                        "Europe/Dublin",
                                        "America/Nuuk",
                                        "UTC",
                                        "Africa/Cairo",
                                        "Asia/Gaza",
                                        "Antarctica/Troll"};
    for (size_t z = 0; z < sizeof ZONES / sizeof *ZONES; z++) {
        scope_tz struct tz *zone = tz_open(ZONES[z]);
        assert_non_null(zone);
        setenv("TZ", ZONES[z], 1);
        tzset();
        for (int64_t t = 0; t < 4102444800; t += 86400 * 5 + 1801) {
            struct tm theirs, ours = tz_local(zone, t);
            time_t at = (time_t)t;
            localtime_r(&at, &theirs);
            struct tz_offset offset = tz_offset_at(zone, t);
            if (theirs.tm_gmtoff != offset.seconds) print_message("%s at %lld\n", ZONES[z], (long long)t);
            assert_int_equal(theirs.tm_gmtoff, offset.seconds);
            assert_int_equal(theirs.tm_hour, ours.tm_hour);
            assert_int_equal(theirs.tm_mday, ours.tm_mday);
            assert_string_equal(theirs.tm_zone, offset.abbreviation);
            int64_t back = tz_to_unix(zone, &ours);
            assert_true(back == t || (back < t && t - back <= 7200));
        }
    }
}

static int64_t at(const struct tz *zone, int year, int month, int day, int hour, int minute) {
    return tz_to_unix(
        zone,
        &(struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute});
}

static void test_to_unix(void **state) {
    (void)state;
    scope_tz struct tz *tokyo = tz_open("Asia/Tokyo"), *berlin = tz_open("Europe/Berlin");
    assert_int_equal(at(tokyo, 2026, 11, 22, 9, 0), 1795305600);
    assert_int_equal(at(tokyo, 2026, 10, 53, 9, 0), 1795305600);
    assert_int_equal(at(berlin, 2026, 3, 29, 2, 30), 1774747800);  /* skipped: 03:30 CEST */
    assert_int_equal(at(berlin, 2026, 10, 25, 2, 30), 1792888200); /* twice: the first, CEST */
    assert_int_equal(at(berlin, 2099, 7, 1, 0, 0) % 86400, 22 * 3600);
}

static void test_edges_of_time(void **state) {
    (void)state;
    scope_tz struct tz *tokyo = tz_open("Asia/Tokyo");
    assert_int_equal(tz_offset_at(tokyo, INT64_MIN / 2).seconds, 33539);
    assert_int_equal(tz_offset_at(tokyo, INT64_MAX / 2).seconds, 32400);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_like_the_c_library),
        cmocka_unit_test(test_to_unix),
        cmocka_unit_test(test_edges_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
