#include "auth/rotation.h"

#include "tests/unit.h"

enum { NOW = 1000000000 };

static const struct rotation fresh = {.known = true, .expires_at = NOW + 1};
static const struct rotation spent = {
    .known = true, .child_known = true, .expires_at = NOW + 1, .spent_at = NOW - ROTATION_REPLAY_MS};

static void judged(struct rotation t, enum rotation_verdict wanted) {
    assert_int_equal(rotation_judge(&t, NOW), wanted);
}

static void test_fresh(void **state) {
    (void)state;
    struct rotation t = fresh;
    judged(t, ROTATE);
    t.expires_at = NOW;
    judged(t, ROTATE_REFUSE);
}

static void test_spent(void **state) {
    (void)state;
    struct rotation t = spent;
    judged(t, ROTATE_AGAIN);
    t.expires_at = 1; /* a lost reply may be asked for again after the token's own end */
    judged(t, ROTATE_AGAIN);
    t.spent_at--;
    judged(t, ROTATE_REFUSE);
}

static void test_theft(void **state) {
    (void)state;
    struct rotation t = spent;
    t.child_spent_at = NOW;
    judged(t, ROTATE_THEFT);
    t.spent_at = 1;
    judged(t, ROTATE_THEFT);
}

static void test_refused(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct rotation t = i % 2 ? spent : fresh;
        t.child_spent_at = i % 2;
        if (i < 2)
            t.revoked = true;
        else
            t.ended = true;
        judged(t, ROTATE_REFUSE);
    }
    judged((struct rotation){.expires_at = NOW + 1}, ROTATE_REFUSE);
    struct rotation orphan = spent;
    orphan.child_known = false;
    judged(orphan, ROTATE_REFUSE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_spent),
        cmocka_unit_test(test_theft),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
