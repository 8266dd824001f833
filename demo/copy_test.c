#include "tests/unit.h"

#include "demo/copy.h"

static void fields_are_escaped_and_rows_closed(void **state) {
    (void)state;
    scope_buf struct buf b;
    buf_init(&b, 4096);
    copy_text(&b, "C:\\temp\tx\r\ny 東京");
    copy_int(&b, -7);
    copy_bool(&b, true);
    copy_array(&b, (const char *const[]){"a\"b", "C:\\x", "", "l\n"}, 4);
    copy_array(&b, NULL, 0);
    copy_bytes(&b, "\x00\xff", 2);
    copy_end(&b);
    assert_string_equal(
        buf_text(&b),
        "C:\\\\temp\\tx\\r\\ny 東京\t-7\tt\t{\"a\\\\\"b\",\"C:\\\\\\\\x\",\"\",\"l\\n\"}\t{}\t\\\\x00ff\n");
}

static void rows_are_sorted_by_their_bytes(void **state) {
    (void)state;
    scope_buf struct buf b;
    buf_init(&b, 4096);
    copy_sort(&b);
    assert_int_equal(b.len, 0);
    static const char *const words[] = {"tactic", "東京", "asset", "", "asset2", "asset"};
    for (int i = 0; i < 6; i++) {
        copy_text(&b, words[i]);
        copy_int(&b, i);
        copy_end(&b);
    }
    copy_sort(&b);
    assert_string_equal(buf_text(&b), "\t3\nasset\t2\nasset\t5\nasset2\t4\ntactic\t0\n東京\t1\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_escaped_and_rows_closed),
        cmocka_unit_test(rows_are_sorted_by_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
