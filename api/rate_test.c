#include "api/rate.h"

#include <stdio.h>

#include "base/random.h"
#include "tests/unit.h"

enum { PER_S = 5, BURST = PER_S * RATE_BURST_S };

/* Each test is a caller and a time of its own. */
static int take(const char *who, int64_t at_ms) { return rate_take_at(RATE_SESSION, who, PER_S, at_ms); }

static void empty(const char *who, int64_t at_ms) {
    for (int i = 0; i < BURST; i++) assert_int_equal(take(who, at_ms), 0);
    assert_true(take(who, at_ms) > 0);
}

static void test_ten_seconds_worth_at_once(void **state) {
    (void)state;
    empty("burst", 1000000);
}

static void test_fills_again_at_its_rate(void **state) {
    (void)state;
    int64_t at = 2000000;
    empty("fills", at);
    assert_int_equal(take("fills", at + 199), 1);
    assert_int_equal(take("fills", at + 200), 0);
    assert_int_equal(take("fills", at + 200), 1);
    int granted = 0;
    for (int64_t t = at + 200; t < at + 10200; t++) granted += take("fills", t) == 0;
    assert_int_equal(granted, BURST - 1);
    empty("fills", at + 3600000);
}

static void test_says_when_to_come_again(void **state) {
    (void)state;
    for (int i = 0; i < RATE_BURST_S; i++) assert_int_equal(rate_take_at(RATE_SESSION, "slow", 1, 3000000), 0);
    assert_int_equal(rate_take_at(RATE_SESSION, "slow", 1, 3000000), 1);
    assert_int_equal(rate_take_at(RATE_SESSION, "slow", 1, 3001000), 0);
}

static void test_refused_requests_cost_nothing(void **state) {
    (void)state;
    empty("stubborn", 4000000);
    for (int i = 0; i < 1000; i++) assert_int_equal(take("stubborn", 4000000), 1);
    assert_int_equal(take("stubborn", 4000200), 0);
}

static void test_callers_and_kinds_stand_apart(void **state) {
    (void)state;
    empty("apart", 5000000);
    assert_int_equal(take("apart2", 5000000), 0);
    assert_int_equal(rate_take_at(RATE_RESERVE, "apart", PER_S, 5000000), 0);
    assert_int_equal(rate_take_at(RATE_ADDRESS, "apart", PER_S, 5000000), 0);
}

static void test_no_limit(void **state) {
    (void)state;
    for (int i = 0; i < 100000; i++) assert_int_equal(rate_take_at(RATE_SESSION, "free", 0, 6000000), 0);
}

static int from(const char *address) { return rate_take_at(RATE_ADDRESS, address, PER_S, 7000000); }

static void test_addresses(void **state) {
    (void)state;
    char text[64];
    for (int i = 0; i < BURST; i++) {
        snprintf(text, sizeof text, "2001:db8:0:7::%x", i);
        assert_int_equal(from(text), 0);
        snprintf(text, sizeof text, "192.0.2.%d", i);
        assert_int_equal(from(text), 0);
        snprintf(text, sizeof text, "::ffff:192.0.2.%d", i);
        assert_int_equal(from(text), 0);
    }
    assert_true(from("2001:db8::7:ffff:0:0:1") > 0);
    assert_true(from("2001:db8:0:7:0:0:0:1") > 0);
    assert_int_equal(from("2001:db8:0:8::1"), 0);
    assert_int_equal(from("192.0.2.1"), 0);
    assert_int_equal(from("::ffff:192.0.2.1"), 0);
}

/* Whoever is over the limit stays so, however many others come by. */
static void test_a_flood_of_others_frees_nobody(void **state) {
    (void)state;
    char text[32];
    empty("kept", 8000000);
    for (int i = 0; i < 200000; i++) {
        snprintf(text, sizeof text, "other %d", i);
        assert_int_equal(take(text, 8000000), 0);
    }
    assert_int_equal(take("kept", 8000000), 1);
}

static void test_refusals_are_counted(void **state) {
    (void)state;
    unsigned long before = rate_refused(RATE_SESSION), others = rate_refused(RATE_RESERVE);
    empty("counted", 9000000);
    take("counted", 9000000);
    assert_int_equal(rate_refused(RATE_SESSION), before + 2);
    assert_int_equal(rate_refused(RATE_RESERVE), others);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ten_seconds_worth_at_once),
        cmocka_unit_test(test_fills_again_at_its_rate),
        cmocka_unit_test(test_says_when_to_come_again),
        cmocka_unit_test(test_refused_requests_cost_nothing),
        cmocka_unit_test(test_callers_and_kinds_stand_apart),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_a_flood_of_others_frees_nobody),
        cmocka_unit_test(test_refusals_are_counted),
    };
    if (random_start() != OK) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
