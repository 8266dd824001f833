#include "responses/verdict.h"

#include "tests/unit.h"

static enum verdict judge(bool is_new, bool late, bool confirming, bool two, size_t approvals, bool same) {
    return verdict_of(&(struct verdict_case){is_new, late, confirming, two, approvals, same});
}

static void test_verdicts(void **state) {
    (void)state;
    assert_int_equal(judge(true, false, true, false, 0, false), VERDICT_FINAL);
    assert_int_equal(judge(true, false, false, false, 0, false), VERDICT_FINAL);
    assert_int_equal(judge(false, false, true, false, 0, false), VERDICT_ALREADY_DECIDED);
    assert_int_equal(judge(false, true, false, true, 1, true), VERDICT_ALREADY_DECIDED);
    assert_int_equal(judge(true, true, true, false, 0, false), VERDICT_DEADLINE_PASSED);
    assert_int_equal(judge(true, true, false, false, 0, false), VERDICT_DEADLINE_PASSED);
    assert_int_equal(judge(true, false, true, true, 0, false), VERDICT_APPROVAL);
    assert_int_equal(judge(true, false, true, true, 1, true), VERDICT_SAME_PERSON);
    assert_int_equal(judge(true, false, true, true, 1, false), VERDICT_FINAL);
    assert_int_equal(judge(true, false, false, true, 1, true), VERDICT_FINAL);
    assert_int_equal(judge(true, true, true, true, 1, false), VERDICT_DEADLINE_PASSED);
    assert_int_equal(verdict_error(VERDICT_FINAL), OK);
    assert_int_equal(verdict_error(VERDICT_APPROVAL), OK);
    assert_int_equal(verdict_error(VERDICT_SAME_PERSON), ERR_SECOND_PERSON);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
