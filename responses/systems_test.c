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

/* As openapi.yaml spells them: declarations are found by these. */
static void test_names(void **state) {
    (void)state;
    assert_string_equal(system_name(systems_of("Windows 11 Pro")), "windows");
    assert_string_equal(system_name(systems_of("Debian 12")), "linux");
    assert_string_equal(system_name(systems_of("macOS 13.4")), "macos");
    assert_string_equal(system_name(systems_of("TempleOS")), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_systems), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
