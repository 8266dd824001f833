#include "base/feed.h"

#include <time.h>

#include "tests/unit.h"

static void test_learned(void **state) {
    (void)state;
    int64_t stamp = 0;
    uint64_t version = 0;
    assert_false(feed_newest("a", &stamp, &version));
    feed_learned("a", 100, version);
    assert_true(feed_newest("a", &stamp, &version));
    assert_int_equal(stamp, 100);
    feed_published("a", 150);
    assert_true(feed_newest("a", &stamp, &version));
    assert_int_equal(stamp, 150);
}

/* What was asked before a publication must not hide it. */
static void test_published_meanwhile(void **state) {
    (void)state;
    int64_t stamp = 0;
    uint64_t version = 0;
    feed_newest("b", &stamp, &version);
    feed_published("b", 200);
    feed_learned("b", 100, version);
    assert_false(feed_newest("b", &stamp, &version));
}

static void test_fresh_for_a_while(void **state) {
    (void)state;
    int64_t stamp = 0;
    uint64_t version = 0;
    feed_newest("c", &stamp, &version);
    feed_learned("c", 1, version);
    assert_true(feed_newest("c", &stamp, &version));
    nanosleep(&(struct timespec){.tv_nsec = (FEED_FRESH_MS + 20) * 1000000L}, NULL);
    assert_false(feed_newest("c", &stamp, &version));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_learned), cmocka_unit_test(test_published_meanwhile),
                                       cmocka_unit_test(test_fresh_for_a_while)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
