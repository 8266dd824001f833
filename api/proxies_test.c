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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_caller)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
