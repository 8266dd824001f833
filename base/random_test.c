#include "base/random.h"

#include "base/clock.h"
#include "tests/unit.h"

static void id20_is_url_safe_and_new(void **state) {
    (void)state;
    char a[ID20_BYTES], b[ID20_BYTES];
    random_id20(a);
    random_id20(b);
    assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 20);
    assert_int_equal(strlen(a), 20);
    assert_string_not_equal(a, b);
}

static void uuid_is_version_4(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        char u[UUID_BYTES];
        random_uuid(u);
        assert_int_equal(strlen(u), 36);
        assert_int_equal(strspn(u, "0123456789abcdef-"), 36);
        assert_int_equal(u[14], '4');
        assert_non_null(strchr("89ab", u[19]));
        assert_true(u[8] == '-' && u[13] == '-' && u[18] == '-' && u[23] == '-');
    }
}

static void time_has_milliseconds(void **state) {
    (void)state;
    char text[TIME_TEXT_BYTES];
    time_text(1700000000007, text);
    assert_string_equal(text, "2023-11-14T22:13:20.007Z");
    time_text(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    assert_true(now_ms() > 1700000000000);
}

int main(void) {
    if (random_start() != OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id20_is_url_safe_and_new),
        cmocka_unit_test(uuid_is_version_4),
        cmocka_unit_test(time_has_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
