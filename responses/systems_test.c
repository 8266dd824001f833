#include "responses/systems.h"

#include "tests/unit.h"

static void test_systems(void **state) {
    (void)state;
    assert_int_equal(systems_of("Windows Server 2019 Standard 10.0.17763"), SYSTEM_WINDOWS);
    assert_int_equal(systems_of("Microsoft WINDOWS 10 Pro"), SYSTEM_WINDOWS);
    assert_int_equal(systems_of("Ubuntu 22.04.3 LTS"), SYSTEM_LINUX);
    assert_int_equal(systems_of("Red Hat Enterprise Linux 9"), SYSTEM_LINUX);
    assert_int_equal(systems_of("macOS 13.4"), SYSTEM_MACOS);
    assert_int_equal(systems_of("Darwin 22.5.0"), SYSTEM_MACOS);
    assert_int_equal(systems_of(""), 0);
    assert_int_equal(systems_of("TempleOS"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_systems)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
