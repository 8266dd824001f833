#include "tenants/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "tenants/deadlines.h"

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

static void deadlines_by_type(void **state) {
    (void)state;
    assert_int_equal(deadline_types_n, 14);
    assert_int_equal(deadline_default_s("RUN_SCRIPT"), 600);
    assert_int_equal(deadline_default_s("KILL_PROCESS"), 604800);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_s_names_are_reserved),
        cmocka_unit_test(deadlines_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
