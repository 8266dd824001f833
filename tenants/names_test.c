#include "tenants/names.h"

#include "tests/unit.h"

static void the_root_s_names_are_reserved(void **state) {
    (void)state;
    assert_true(tenant_name_reserved(""));
    assert_true(tenant_name_reserved("-"));
    assert_true(tenant_name_reserved("   "));
    assert_true(tenant_name_reserved(" - "));
    assert_false(tenant_name_reserved("--"));
    assert_false(tenant_name_reserved("- a"));
    assert_false(tenant_name_reserved("大阪支社"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_s_names_are_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
