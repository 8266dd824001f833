#include "base/cidr.h"

#include "tests/unit.h"

static void test_has(void **state) {
    (void)state;
    assert_true(cidr_list_has("10.0.0.0/8", "10.255.0.1"));
    assert_false(cidr_list_has("10.0.0.0/8", "11.0.0.1"));
    assert_true(cidr_list_has("192.0.2.128/25", "192.0.2.200"));
    assert_false(cidr_list_has("192.0.2.128/25", "192.0.2.100"));
    assert_true(cidr_list_has("10.0.0.0/8 , ::1", "::1"));
    assert_true(cidr_list_has("0.0.0.0/0", "8.8.8.8"));
    assert_false(cidr_list_has("0.0.0.0/0", "::1"));
    assert_true(cidr_list_has("2000::/3", "2a00::1"));
    assert_false(cidr_list_has("", "::1"));
    assert_false(cidr_list_has("10.0.0.0/8", "not an address"));
}

/* A slip of the pen must not open everything. */
static void test_no_network(void **state) {
    (void)state;
    static const char *const bad[] = {"10.0.0.0/99", "10.0.0.0/",  "10.0.0.0/x", "10.0.0.0/-1", "10.0.0/8", "host",
                                      "::1/129",     "127.0.0.1;", "/0",         "x/0",         ","};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(cidr_list_ok(bad[i]));
        assert_false(cidr_list_has(bad[i], "10.0.0.1"));
        assert_false(cidr_list_has(bad[i], "::1"));
    }
    assert_true(cidr_list_ok(""));
    assert_true(cidr_list_ok("127.0.0.0/8, ::1,192.0.2.1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_has), cmocka_unit_test(test_no_network)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
