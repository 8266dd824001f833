#include "base/buf.h"

#include <stdio.h>
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

/* The room there is, whether a text just fits or not, makes no difference; nor does a limit between. */
static void test_formats_of_all_lengths(void **state) {
    (void)state;
    for (int n = 0; n < 600; n++) {
        scope_buf struct buf b;
        buf_init(&b, 600);
        buf_addf(&b, "%*s|", n, "x");
        buf_addf(&b, "%d", n);
        char wanted[640];
        int len = snprintf(wanted, sizeof wanted, "%*s|%d", n, "x", n);
        assert_int_equal(b.failed, len > 600);
        assert_string_equal(buf_text(&b), b.failed ? "" : wanted);
    }
}

static void test_numbers(void **state) {
    (void)state;
    scope_buf struct buf b;
    buf_init(&b, 100);
    const int64_t numbers[] = {0, 9, 10, -1, -10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        buf_addi(&b, numbers[i]);
        buf_addc(&b, ' ');
    }
    assert_string_equal(buf_text(&b), "0 9 10 -1 -10 9223372036854775807 -9223372036854775808 ");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_json), cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_formats_of_all_lengths), cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_take_and_reset)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
