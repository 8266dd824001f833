#include "responses/support.h"

#include "responses/types.h"
#include "tests/unit.h"

/* Without a transaction: what the table says is not asked of the database. */
static void test_the_table_is_enough(void **state) {
    (void)state;
    static const struct asset_brief assets[] = {{.found = true, .os_version = "Windows 11 Pro", .tenant_id = "-"},
                                                {.found = true, .os_version = "TempleOS", .tenant_id = "t"},
                                                {.found = false, .os_version = "", .tenant_id = ""}};
    struct arena arena;
    arena_init(&arena, 65536);
    struct request r = {.arena = &arena};
    struct strings out;
    assert_int_equal(support_find(&r, NULL, response_type_find("RUN_SCRIPT"), "-", assets, 3, &out), OK);
    assert_int_equal(out.n, 3);
    for (int i = 0; i < 3; i++) assert_string_equal(out.v[i], "");
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_table_is_enough)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
