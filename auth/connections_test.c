#include "auth/connections.h"

#include "tests/unit.h"

static void test_status(void **state) {
    (void)state;
    const int64_t now = 2 * CONNECTION_IDLE_MS;
    assert_string_equal(connection_status(0, 0, 0, now), "Pending activation");
    assert_string_equal(connection_status(1, now, 0, now), "Active");
    assert_string_equal(connection_status(1, now - CONNECTION_IDLE_MS, 0, now), "Active");
    assert_string_equal(connection_status(1, now - CONNECTION_IDLE_MS - 1, 0, now), "Idle");
    assert_string_equal(connection_status(1, now, 1, now), "Revoked");
    assert_string_equal(connection_status(0, 0, 1, now), "Revoked");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_status)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
