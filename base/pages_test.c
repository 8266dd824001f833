#include "base/pages.h"

#include "tests/unit.h"

static void test_remember(void **state) {
    (void)state;
    struct position p = {0}, found = {0};
    for (int64_t i = 0; i < 3000; i++) position_note(&p, i, "id", i * 2, true);
    pages_remember(77, 1, &p);
    assert_false(pages_recall(77, 3, &found));
    assert_false(pages_recall(78, 2, &found));
    assert_true(pages_recall(77, 2, &found));
    assert_int_equal(found.last_time, 2999);
    assert_int_equal(found.served_n, 3000);
    assert_int_equal(found.served[2999], 5998);
    position_note(&found, 1, "x", 9, true);
    assert_int_equal(found.served_n, 3001);
    assert_int_equal(p.served_n, 3000);
    position_free(&found);
    position_free(&p);
}

static void test_bounded(void **state) {
    (void)state;
    struct position p = {0};
    for (int64_t i = 0; i < PAGE_SERVED_MAX + 50; i++) position_note(&p, i, "id", i, true);
    assert_int_equal(p.served_n, PAGE_SERVED_MAX);
    assert_int_equal(p.last_time, PAGE_SERVED_MAX + 49);
    position_free(&p);
    position_note(&p, 5, "id", 1, false);
    assert_int_equal(p.served_n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_remember), cmocka_unit_test(test_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
