#include "assets/input.h"

#include "assets/filter.h"
#include "tests/unit.h"

#define A "0x000000000000000000000000000000aa"
#define B "0x000000000000000000000000000000bb"

static void finds_the_second_of_a_double(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 100000);
    struct asset_input two[] = {{.asset_id = B}, {.asset_id = A}, {.asset_id = B}, {.asset_id = A}};
    assert_int_equal(assets_input_double(&a, two, 4), 2);
    assert_int_equal(assets_input_double(&a, two, 2), -1);
    assert_int_equal(assets_input_double(&a, two, 0), -1);
    arena_free(&a);
}

static void writes_only_what_was_given(void **state) {
    (void)state;
    scope_buf struct buf out;
    buf_init(&out, 10000);
    struct asset_input one = {.asset_id = A, .has_last_seen = true, .last_seen = 7, .tenant_id = "", .tenant_name = ""};
    assets_input_json(&out, &one, 1);
    assert_string_equal(buf_text(&out),
                        "[{\"n\":0,\"asset_id\":\"" A "\",\"last_seen\":7,\"home_id\":\"-\",\"home_name\":\"-\"}]");
}

static void completes_interfaces(void **state) {
    (void)state;
    scope_buf struct buf out;
    buf_init(&out, 10000);
    struct network_interface card = {.mac = "00:50:56:9c:2f:11"};
    struct asset_input one = {.asset_id = A, .network_interfaces = &card, .network_interfaces_n = 1};
    assets_input_json(&out, &one, 1);
    assert_non_null(strstr(buf_text(&out), "\"network_interfaces\":[{\"dsc\":\"\",\"dnsd\":\"\",\"defg\":\"\","
                                           "\"mac\":\"00:50:56:9c:2f:11\",\"ipcm\":\"\",\"ip\":\"\"}]"));
}

static struct status_span span_of(size_t n, const char **v) {
    return status_span_of(&(struct strings){.n = n, .v = v});
}

static void narrows_by_status(void **state) {
    (void)state;
    assert_true(span_of(0, NULL).any);
    assert_true(span_of(1, (const char *[]){"BLOCKED"}).none);
    assert_true(span_of(2, (const char *[]){"BLOCKED", "OK"}).alive_only);
    assert_true(span_of(1, (const char *[]){"OFFLINE"}).silent_only);
    assert_true(span_of(1, (const char *[]){"OFFLINE"}).not_absent);
    assert_false(span_of(2, (const char *[]){"ABSENT", "OK"}).silent_only);
    assert_false(span_of(2, (const char *[]){"ABSENT", "OK"}).not_absent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_second_of_a_double),
        cmocka_unit_test(writes_only_what_was_given),
        cmocka_unit_test(completes_interfaces),
        cmocka_unit_test(narrows_by_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
