#include "notify/retry.h"

#include "base/random.h"
#include "tests/unit.h"

static void delays_double_up_to_four_hours(void **state) {
    (void)state;
    static const struct {
        int64_t first_ms, failures, least;
    } cases[] = {{1000, 0, 1000},      {1000, 1, 2000},      {1000, 5, 32000},          {30000, 3, 240000},
                 {1000, 14, 14400000}, {30000, 9, 14400000}, {60000, 1000000, 14400000}};
    assert_int_equal(random_start(), OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int n = 0; n < 100; n++) {
            int64_t delay = retry_delay_ms(cases[i].first_ms, cases[i].failures);
            assert_in_range(delay, cases[i].least, cases[i].least * 6 / 5 - 1);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(delays_double_up_to_four_hours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
