#include "responses/types.h"

#include "tests/unit.h"

static void deadlines_by_type(void **state) {
    (void)state;
    assert_int_equal(response_types_n, 14);
    for (size_t i = 0; i < response_types_n; i++) {
        int64_t expected = strcmp(response_types[i].type, "RUN_SCRIPT") ? 604800 : 600;
        assert_int_equal(response_types[i].decide_within_s, expected);
    }
}

static void filters_take_old_names_and_any_case(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 64 * 1024);
    const char *given[] = {"file", "File", "kill_process", "NO_SUCH"};
    struct strings meant = response_types_meant(&arena, &(struct strings){.n = 4, .v = given});
    assert_int_equal(meant.n, 4);
    assert_string_equal(meant.v[0], "GET_FILE");
    assert_string_equal(meant.v[1], "GET_FILE");
    assert_string_equal(meant.v[2], "KILL_PROCESS");
    assert_string_equal(meant.v[3], "NO_SUCH");
    arena_free(&arena);
}

static void only_exact_types_are_found(void **state) {
    (void)state;
    assert_non_null(response_type_find("GET_FILE"));
    assert_null(response_type_find("File"));
    assert_null(response_type_find("get_file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deadlines_by_type),
        cmocka_unit_test(filters_take_old_names_and_any_case),
        cmocka_unit_test(only_exact_types_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
