#include "api/proxies.h"

#include "tests/unit.h"

static void expect(const char *peer, const char *forwarded, const char *wanted) {
    char out[64] = "";
    assert_string_equal(caller_address(peer, forwarded, "127.0.0.1/32, 10.0.0.0/8,fd00::/16", out, sizeof out), wanted);
}

static void test_caller(void **state) {
    (void)state;
    expect("192.0.2.1", "203.0.113.9", "192.0.2.1");
    expect("127.0.0.1", NULL, "127.0.0.1");
    expect("127.0.0.1", "203.0.113.9", "203.0.113.9");
    expect("127.0.0.1", "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9");
    expect("127.0.0.1", "10.1.2.3", "10.1.2.3");
    expect("127.0.0.1", "evil\"text", "127.0.0.1");
    expect("fd00::1", "2001:db8::7", "2001:db8::7");
}

static void test_cidrs(void **state) {
    (void)state;
    assert_true(cidr_list_has("10.0.0.0/8", "10.255.0.1"));
    assert_false(cidr_list_has("10.0.0.0/8", "11.0.0.1"));
    assert_true(cidr_list_has("192.0.2.128/25", "192.0.2.200"));
    assert_false(cidr_list_has("192.0.2.128/25", "192.0.2.100"));
    assert_true(cidr_list_has("::1", "::1"));
    assert_false(cidr_list_has("", "::1"));
    assert_false(cidr_list_has("10.0.0.0/8", "not an address"));
    assert_false(cidr_list_has("10.0.0.0/99", "10.0.0.1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_caller), cmocka_unit_test(test_cidrs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
