#include "tests/unit.h"

#include <stdlib.h>

#include "demo/timeline.h"

static struct world world_of(uint32_t incidents) {
    return (struct world){
        .client_id = "c", .seed = 5, .now_ms = 1795301528000, .assets_n = 50, .incidents_n = incidents};
}

static bool over(const struct plan *p) { return !strcmp(p->status, "Resolved") || !strcmp(p->status, "Closed"); }

static void check_steps(const struct world *w, const struct plan *p) {
    assert_int_equal(p->steps[0].kind, STEP_CREATE);
    assert_true(p->steps_n <= PLAN_STEPS_MAX && p->hosts_n >= 1 && p->hosts_n <= PLAN_HOSTS_MAX);
    assert_true(p->steps[p->steps_n - 1].at_ms <= w->now_ms);
    for (size_t i = 1; i < p->steps_n; i++) {
        assert_true(p->steps[i].at_ms > p->steps[i - 1].at_ms);
        assert_true(p->steps[i].kind != STEP_STATUS || i == p->steps_n - 1);
        if (p->steps[i].kind == STEP_DECISION) assert_int_equal(p->steps[p->steps[i].response].kind, STEP_RESPONSE);
    }
}

static void courses_hold_together(void **state) {
    (void)state;
    struct world w = world_of(20000);
    for (uint32_t i = 0; i < w.incidents_n; i++) {
        struct plan p;
        plan_make(&w, i, &p);
        check_steps(&w, &p);
        assert_int_equal(over(&p), *p.resolution != 0);
        if (over(&p))
            for (size_t s = 0; s < p.steps_n; s++)
                if (p.steps[s].kind == STEP_RESPONSE) assert_true(p.steps[s].fate >= FATE_CONFIRMED);
        if (!strcmp(p.status, "Resolved")) /* it closes by itself 72 hours later, and not yet */
            assert_true(p.steps[p.steps_n - 1].at_ms > w.now_ms - 72LL * 3600 * 1000);
    }
}

static void stamps_grow_strictly_and_not_before_their_time(void **state) {
    (void)state;
    struct world w = world_of(5000);
    struct timeline t;
    assert_int_equal(timeline_make(&w, &t), OK);
    for (size_t i = 1; i < t.n; i++) assert_true(t.events[i].stamp > t.events[i - 1].stamp);
    for (uint32_t i = 0; i < w.incidents_n; i++) {
        struct plan p;
        plan_make(&w, i, &p);
        for (size_t s = 0; s < p.steps_n; s++) {
            assert_true(t.stamps[t.first[i] + s] >= p.steps[s].at_ms);
            assert_true(t.stamps[t.first[i] + s] < w.now_ms);
        }
    }
    timeline_free(&t);
}

static void records_are_counted_alike(void **state) {
    (void)state;
    struct world w = world_of(3000);
    struct timeline t;
    size_t planned = 0, told = 0;
    assert_int_equal(timeline_make(&w, &t), OK);
    for (uint32_t i = 0; i < w.incidents_n; i++) {
        struct plan p;
        plan_make(&w, i, &p);
        planned += plan_records(&p);
    }
    for (size_t i = 0; i < t.n; i++) told += event_records(&t.events[i]);
    assert_int_equal(planned, told);
    timeline_free(&t);
}

static int by_number(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void numbers_do_not_collide(void **state) {
    (void)state;
    enum { N = 1100000 };
    static int64_t numbers[N];
    struct world w = world_of(N);
    for (uint32_t i = 0; i < N; i++) {
        numbers[i] = plan_number(&w, i);
        assert_true(numbers[i] <= world_last_number(&w));
    }
    qsort(numbers, N, sizeof *numbers, by_number);
    for (size_t i = 1; i < N; i++) assert_true(numbers[i] > numbers[i - 1]);
}

static void few_incidents_are_showcases(void **state) {
    (void)state;
    for (uint32_t n = 1; n < 8; n++) {
        struct world w = world_of(n);
        uint32_t shown = 0;
        for (uint32_t i = 0; i < n; i++) {
            struct plan p;
            plan_make(&w, i, &p);
            check_steps(&w, &p);
            shown += p.showcase >= 0;
        }
        assert_int_equal(shown, n < SHOWCASES_N ? n : SHOWCASES_N);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(courses_hold_together),       cmocka_unit_test(stamps_grow_strictly_and_not_before_their_time),
        cmocka_unit_test(records_are_counted_alike),   cmocka_unit_test(numbers_do_not_collide),
        cmocka_unit_test(few_incidents_are_showcases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
