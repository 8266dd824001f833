#include "base/strings.h"

#include <limits.h>

#include "tests/unit.h"

static struct arena arena;

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 64 * 1024);
    return 0;
}

static int end(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

static void joined(const struct strings *list, const char *expected) {
    struct buf b;
    buf_init(&b, 1024);
    json_strings(&b, list);
    assert_string_equal(buf_text(&b), expected);
    buf_free(&b);
}

static void split_leaves_out_empty_parts(void **state) {
    (void)state;
    struct strings none = strings_split(&arena, "", ',');
    struct strings three = strings_split(&arena, ",a,,b,c,", ',');
    struct strings letters = strings_split(&arena,
                                           "a\x1f"
                                           "b",
                                           '\x1f');
    joined(&none, "[]");
    joined(&three, "[\"a\",\"b\",\"c\"]");
    joined(&letters, "[\"a\",\"b\"]");
}

static void unique_keeps_the_order(void **state) {
    (void)state;
    struct strings given = strings_split(&arena, "b,a,b,c,a", ',');
    struct strings unique = strings_unique(&arena, &given);
    joined(&unique, "[\"b\",\"a\",\"c\"]");
    assert_true(strings_have(&unique, "c"));
    assert_false(strings_have(&unique, "C"));
}

static void numbers_are_digits_within_the_limit(void **state) {
    (void)state;
    unsigned long long n = 7;
    const char *const wrong[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "101", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) assert_false(parse_uint(wrong[i], 100, &n));
    assert_int_equal(n, 7);
    assert_true(parse_uint("100", 100, &n));
    assert_int_equal(n, 100);
    assert_true(parse_uint("18446744073709551615", ULLONG_MAX, &n));
    assert_true(n == ULLONG_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(split_leaves_out_empty_parts, begin, end),
        cmocka_unit_test_setup_teardown(unique_keeps_the_order, begin, end),
        cmocka_unit_test(numbers_are_digits_within_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
