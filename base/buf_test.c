#include "base/buf.h"

#include <stdlib.h>

#include "tests/unit.h"

static void test_json(void **state) {
    (void)state;
    scope_buf struct buf b;
    buf_init(&b, 1000);
    json_open(&b, '{');
    json_kstr(&b, "a", "x\"\\\b\f\n\r\t\x01\x7f日本");
    json_kstr(&b, "none", NULL);
    json_key(&b, "list");
    json_open(&b, '[');
    json_int(&b, -5);
    json_bool(&b, true);
    json_strn(&b, "\0z", 2);
    json_close(&b, ']');
    json_kraw(&b, "raw", "{}");
    json_close(&b, '}');
    assert_string_equal(buf_text(&b), "{\"a\":\"x\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f日本\",\"none\":null,"
                                      "\"list\":[-5,true,\"\\u0000z\"],\"raw\":{}}");
}

static void test_limit(void **state) {
    (void)state;
    scope_buf struct buf b;
    buf_init(&b, 10);
    buf_adds(&b, "0123456789");
    assert_false(b.failed);
    buf_addc(&b, 'x');
    assert_true(b.failed);
    assert_string_equal(buf_text(&b), "");
    buf_adds(&b, "more");
    assert_int_equal(b.len, 0);
}

static void test_take_and_reset(void **state) {
    (void)state;
    scope_buf struct buf b;
    size_t len = 0;
    buf_init(&b, 100);
    buf_addf(&b, "%s-%d", "a", 7);
    char *text = buf_take(&b, &len);
    assert_string_equal(text, "a-7");
    assert_int_equal(len, 3);
    free(text);
    assert_string_equal(buf_text(&b), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_json), cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_take_and_reset)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
