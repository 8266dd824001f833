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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields_are_escaped_and_rows_closed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
