#include "base/gate.h"

#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "tests/unit.h"

static struct gate gate;
static int order[8];
static atomic_int ordered;

static void pause_ms(long ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL); }

struct caller {
    int id, keep;
    int64_t patience_ms;
    pthread_t thread;
    bool entered;
};

static void *call(void *arg) {
    struct caller *c = arg;
    c->entered = gate_enter(&gate, c->keep, monotonic_ms() + c->patience_ms);
    if (c->entered) order[atomic_fetch_add(&ordered, 1)] = c->id;
    return NULL;
}

static bool in_line(void) { return gate.first != NULL; }

/* Starts them one after the other, so that they stand in line in this order. */
static void start(struct caller *callers, int n) {
    atomic_store(&ordered, 0);
    for (int i = 0; i < n; i++) {
        pthread_create(&callers[i].thread, NULL, call, &callers[i]);
        pause_ms(30);
    }
}

static void join(struct caller *callers, int n) {
    for (int i = 0; i < n; i++) pthread_join(callers[i].thread, NULL);
}

static void take(int n) {
    for (int i = 0; i < n; i++) assert_true(gate_enter(&gate, 0, monotonic_ms()));
}

static void test_counts(void **state) {
    (void)state;
    gate_init(&gate, 2);
    take(2);
    assert_false(gate_enter(&gate, 0, monotonic_ms() + 20));
    gate_leave(&gate);
    assert_false(gate_enter(&gate, 1, monotonic_ms()));
    assert_true(gate_enter(&gate, 0, monotonic_ms()));
}

static void test_first_in_line_first(void **state) {
    (void)state;
    gate_init(&gate, 1);
    take(1);
    struct caller callers[] = {
        {.id = 1, .patience_ms = 5000}, {.id = 2, .patience_ms = 5000}, {.id = 3, .patience_ms = 5000}};
    start(callers, 3);
    for (int i = 0; i < 3; i++) {
        gate_leave(&gate);
        while (atomic_load(&ordered) == i) pause_ms(1);
    }
    join(callers, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(order[i], i + 1);
    assert_int_equal(gate.free, 0);
}

/* Who leaves places to others does not stand in their way. */
static void test_kept_for_others(void **state) {
    (void)state;
    gate_init(&gate, 2);
    take(2);
    struct caller callers[] = {{.id = 1, .keep = 1, .patience_ms = 5000}, {.id = 2, .patience_ms = 5000}};
    start(callers, 2);
    gate_leave(&gate);
    pthread_join(callers[1].thread, NULL);
    assert_int_equal(atomic_load(&ordered), 1);
    assert_int_equal(order[0], 2);
    gate_leave(&gate);
    pause_ms(30);
    assert_int_equal(atomic_load(&ordered), 1);
    gate_leave(&gate);
    pthread_join(callers[0].thread, NULL);
    assert_int_equal(order[1], 1);
    assert_int_equal(gate.free, 1);
}

/* A place is never given to one who went away. */
static void test_impatient(void **state) {
    (void)state;
    gate_init(&gate, 1);
    take(1);
    struct caller callers[] = {
        {.id = 1, .patience_ms = 5000}, {.id = 2, .patience_ms = 50}, {.id = 3, .patience_ms = 5000}};
    start(callers, 3);
    pthread_join(callers[1].thread, NULL);
    assert_false(callers[1].entered);
    gate_leave(&gate);
    gate_leave(&gate);
    pthread_join(callers[0].thread, NULL);
    pthread_join(callers[2].thread, NULL);
    assert_false(in_line());
    assert_int_equal(gate.free, 0);
    gate_leave(&gate);
    assert_int_equal(gate.free, 1);
}

/* ---- many at once ---- */

enum { PLACES = 3, THREADS = 16, TURNS = 2000 };
static atomic_int inside, most, turns_done;

static void *turn(void *arg) {
    (void)arg;
    for (int i = 0; i < TURNS; i++) {
        if (!gate_enter(&gate, i % 2, monotonic_ms() + (i % 5 ? 10000 : 0))) continue;
        int n = atomic_fetch_add(&inside, 1) + 1;
        if (n > atomic_load(&most)) atomic_store(&most, n);
        atomic_fetch_add(&turns_done, 1);
        atomic_fetch_sub(&inside, 1);
        gate_leave(&gate);
    }
    return NULL;
}

static void test_never_more_than_places(void **state) {
    (void)state;
    gate_init(&gate, PLACES);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, turn, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_in_range(atomic_load(&most), 1, PLACES);
    assert_true(atomic_load(&turns_done) >= THREADS * TURNS * 4 / 5);
    assert_int_equal(gate.free, PLACES);
    assert_false(in_line());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_first_in_line_first),
        cmocka_unit_test(test_kept_for_others),
        cmocka_unit_test(test_impatient),
        cmocka_unit_test(test_never_more_than_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
