#include "base/feed.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
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

static void *publish_soon(void *stamp) {
    nanosleep(&(struct timespec){.tv_nsec = 50000000L}, NULL);
    if (stamp)
        feed_published("d", *(int64_t *)stamp);
    else
        feed_stop();
    return NULL;
}

static void know(const char *client_id, int64_t stamp) {
    int64_t before = 0;
    uint64_t version = 0;
    feed_newest(client_id, &before, &version);
    feed_learned(client_id, stamp, version);
}

static void test_wait(void **state) {
    (void)state;
    pthread_t thread;
    int64_t newer = 200, began = monotonic_ms();
    know("d", 100);
    assert_true(feed_wait("d", 99, began + 10000));
    assert_false(feed_wait("d", 100, began + 30));
    assert_int_equal(pthread_create(&thread, NULL, publish_soon, &newer), 0);
    assert_true(feed_wait("d", 100, began + 10000));
    assert_true(monotonic_ms() - began < 450);
    pthread_join(thread, NULL);
}

static void test_wait_ends_when_stopped(void **state) {
    (void)state;
    pthread_t thread;
    int64_t began = monotonic_ms();
    know("d", 300);
    assert_int_equal(pthread_create(&thread, NULL, publish_soon, NULL), 0);
    assert_false(feed_wait("d", 300, began + 10000));
    assert_true(monotonic_ms() - began < 5000);
    pthread_join(thread, NULL);
    feed_start();
}

static int heard;
static void hear(void) { heard++; }

static void test_listen(void **state) {
    (void)state;
    feed_listen(hear);
    feed_listen(hear);
    feed_published("e", 1);
    feed_published("f", 1);
    assert_int_equal(heard, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_learned),
                                       cmocka_unit_test(test_published_meanwhile),
                                       cmocka_unit_test(test_fresh_for_a_while),
                                       cmocka_unit_test(test_wait),
                                       cmocka_unit_test(test_wait_ends_when_stopped),
                                       cmocka_unit_test(test_listen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
