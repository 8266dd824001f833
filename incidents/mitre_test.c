#include "incidents/mitre.h"

#include "tests/unit.h"

static void expect(const char *text, const char *first, const char *second) {
    struct arena a;
    const char *keys[2] = {NULL, NULL};
    arena_init(&a, 65536);
    int n = mitre_keys(&a, text, keys);
    assert_int_equal(n, (first != NULL) + (second != NULL));
    if (first) assert_string_equal(keys[0], first);
    if (second) assert_string_equal(keys[1], second);
    arena_free(&a);
}

static void test_forms(void **state) {
    (void)state;
    expect("TA0005: Defense Evasion", "ta0005", "defense evasion");
    expect("TA0005:Defense Evasion", "ta0005", "defense evasion");
    expect("ta0005 : Defense evasion ", "ta0005", "defense evasion");
    expect("Defense evasion", "defense evasion", NULL);
    expect("TA0005", "ta0005", NULL);
    expect("T1003.001: OS Credential Dumping: LSASS Memory", "t1003.001", "os credential dumping: lsass memory");
}

static void test_not_ids(void **state) {
    (void)state;
    expect("T10: x", "t10: x", NULL);
    expect("TA00055", "ta00055", NULL);
    expect("T1003 Dump", "t1003 dump", NULL);
    expect("", NULL, NULL);
    expect("防御回避", "防御回避", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_not_ids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
