#include "rules/fold.h"

#include <stdlib.h>

#include "tests/unit.h"

static void test_fold(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    assert_string_equal(rule_fold(&a, ""), "");
    assert_string_equal(rule_fold(&a, "DC-01"), "dc-01");
    assert_string_equal(rule_fold(&a, "\xEF\xBC\xA4\xEF\xBC\xA3\xEF\xBC\x8A"), "dc*");
    assert_string_equal(rule_fold(&a, "\xEF\xBD\xB6\xEF\xBE\x9E"), "\xE3\x82\xAC"); /* half-width ka + voiced mark */
    assert_string_equal(rule_fold(&a, "\xC3\x84\xC8\xBA"), "\xC3\xA4\xE2\xB1\xA5"); /* a longer lower case */
    arena_free(&a);
}

static void test_glob(void **state) {
    (void)state;
    assert_true(rule_glob("", ""));
    assert_false(rule_glob("", "a"));
    assert_true(rule_glob("*", ""));
    assert_false(rule_glob("?", ""));
    assert_true(rule_glob("a*c", "abcbc"));
    assert_false(rule_glob("a*c", "abcb"));
    assert_true(rule_glob("a*b*c", "axbxbxc"));
    assert_true(rule_glob("?", "\xE6\x9D\xB1"));
    assert_false(rule_glob("??", "\xE6\x9D\xB1"));
    assert_true(rule_glob("*\xE4\xBA\xAC", "\xE6\x9D\xB1\xE4\xBA\xAC"));
    assert_true(rule_glob("**?*", "a"));
}

/* Exponential blow-up would not end; this takes no time. */
static void test_glob_is_not_exponential(void **state) {
    (void)state;
    char pattern[256], text[256];
    for (size_t i = 0; i < 250; i++) {
        pattern[i] = i % 2 ? 'a' : '*';
        text[i] = 'a';
    }
    pattern[250] = 'b';
    pattern[251] = text[250] = 0;
    for (int i = 0; i < 1000; i++) assert_false(rule_glob(pattern, text));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fold), cmocka_unit_test(test_glob),
                                       cmocka_unit_test(test_glob_is_not_exponential)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
