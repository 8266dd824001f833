/* Every state under every fact, against rules that are written down another way: what must never be, and what must be. */
#include "responses/execution.h"

#include "tests/unit.h"

enum { EPOCH = 3 };

/* Calls what for each combination; epochs: EPOCH is the current one. */
static void each(void (*what)(const struct execution *)) {
    for (int s = 0; s < EXECUTION_STATES_N; s++)
        for (int bits = 0; bits < 32; bits++) {
            struct execution e = {.state = (enum execution_state)s,
                                  .epoch = EPOCH,
                                  .mine = bits & 1,
                                  .lease_ended = bits & 2,
                                  .overdue = bits & 4,
                                  .frozen = bits & 8,
                                  .approval = bits & 16 ? ERR_MOVED : OK};
            what(&e);
        }
}

static bool handed_out(const struct execution *e) {
    return e->state == EXECUTION_LEASED || e->state == EXECUTION_RUNNING;
}

static void check_lease(const struct execution *e) {
    enum execution_state next = EXECUTION_NONE;
    bool given = execution_lease(e, &next);
    if (e->overdue || e->frozen) assert_false(given);
    if (handed_out(e) && !e->lease_ended) assert_false(given);
    if (e->state == EXECUTION_RUNNING && !e->mine) assert_false(given);
    if (e->state == EXECUTION_PENDING && !e->overdue && !e->frozen) assert_true(given);
    if (!handed_out(e) && e->state != EXECUTION_PENDING) assert_false(given);
    /* What ran never becomes what has not run. */
    if (given) assert_int_equal(next, e->state == EXECUTION_RUNNING ? EXECUTION_RUNNING : EXECUTION_LEASED);
}

static void test_lease(void **state) {
    (void)state;
    each(check_lease);
}

static void check_start(const struct execution *e) {
    bool changes = false;
    for (int64_t epoch = EPOCH - 1; epoch <= EPOCH + 1; epoch++) {
        bool may = execution_start(e, epoch, &changes) == OK;
        bool sound = handed_out(e) && e->mine && epoch == EPOCH && !e->lease_ended && !e->overdue && !e->frozen &&
                     e->approval == OK;
        assert_int_equal(may, sound);
        if (may) assert_int_equal(changes, e->state == EXECUTION_LEASED);
        /* Renewing asks the same, but for what may change while it is held. */
        struct execution thawed = *e;
        thawed.frozen = false;
        thawed.approval = OK;
        assert_int_equal(execution_renew(e, epoch) == OK, execution_start(&thawed, epoch, &changes) == OK);
    }
}

static void test_start(void **state) {
    (void)state;
    each(check_start);
}

static void check_finish(const struct execution *e) {
    bool changes = false;
    for (int same = 0; same < 2; same++) {
        assert_int_equal(execution_finish(e, EPOCH - 1, same, &changes), ERR_STALE_EPOCH);
        enum err answer = execution_finish(e, EPOCH, same, &changes);
        bool ended = e->state == EXECUTION_SUCCEEDED || e->state == EXECUTION_FAILED;
        bool open = handed_out(e) || e->state == EXECUTION_EXPIRED || e->state == EXECUTION_UNKNOWN;
        assert_int_equal(answer == OK, e->mine && (open || (ended && same)));
        if (answer == OK) assert_int_equal(changes, open);
    }
}

static void test_finish(void **state) {
    (void)state;
    each(check_finish);
}

static void check_lapse(const struct execution *e) {
    enum execution_state to = execution_lapse(e);
    bool waits = e->state == EXECUTION_PENDING || e->state == EXECUTION_LEASED;
    if (waits && e->overdue)
        assert_int_equal(to, EXECUTION_EXPIRED);
    else if (e->state == EXECUTION_RUNNING && e->overdue)
        assert_int_equal(to, EXECUTION_UNKNOWN);
    else if (e->state == EXECUTION_LEASED && e->lease_ended)
        assert_int_equal(to, EXECUTION_PENDING);
    else
        assert_int_equal(to, e->state);
}

static void test_lapse(void **state) {
    (void)state;
    each(check_lapse);
}

static void test_reasons(void **state) {
    (void)state;
    bool changes = false;
    struct execution e = {.state = EXECUTION_LEASED, .epoch = EPOCH, .mine = true};
    assert_int_equal(execution_start(&e, EPOCH, &changes), OK);
    assert_int_equal(execution_start(&e, EPOCH - 1, &changes), ERR_STALE_EPOCH);
    e.approval = ERR_SECOND_PERSON;
    assert_int_equal(execution_start(&e, EPOCH, &changes), ERR_SECOND_PERSON);
    e.frozen = true;
    assert_int_equal(execution_start(&e, EPOCH, &changes), ERR_FROZEN);
    e.lease_ended = true;
    assert_int_equal(execution_start(&e, EPOCH, &changes), ERR_LEASE_ENDED);
    e.overdue = true;
    assert_int_equal(execution_start(&e, EPOCH, &changes), ERR_NOT_AFTER);
    e.state = EXECUTION_EXPIRED;
    assert_int_equal(execution_start(&e, EPOCH, &changes), ERR_EXECUTION_OVER);
    e.mine = false;
    assert_int_equal(execution_start(&e, EPOCH, &changes), ERR_STALE_EPOCH);
}

static void test_undo(void **state) {
    (void)state;
    static const enum undo want[EXECUTION_STATES_N] = {
        [EXECUTION_NONE] = UNDO_NOTHING,    [EXECUTION_PENDING] = UNDO_CANCEL,    [EXECUTION_LEASED] = UNDO_LATER,
        [EXECUTION_RUNNING] = UNDO_LATER,   [EXECUTION_SUCCEEDED] = UNDO_REVERSE, [EXECUTION_FAILED] = UNDO_REVERSE,
        [EXECUTION_EXPIRED] = UNDO_NOTHING, [EXECUTION_UNKNOWN] = UNDO_REVERSE,   [EXECUTION_CANCELLED] = UNDO_NOTHING,
    };
    for (int s = 0; s < EXECUTION_STATES_N; s++) assert_int_equal(execution_undo((enum execution_state)s), want[s]);
}

static void test_names(void **state) {
    (void)state;
    for (int s = 0; s < EXECUTION_STATES_N; s++)
        assert_int_equal(execution_parse(execution_name((enum execution_state)s)), s);
    assert_int_equal(execution_parse("no such state"), EXECUTION_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lease), cmocka_unit_test(test_start),   cmocka_unit_test(test_finish),
        cmocka_unit_test(test_lapse), cmocka_unit_test(test_reasons), cmocka_unit_test(test_undo),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
