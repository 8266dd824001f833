#include "tests/unit.h"

#include "demo/copy.h"

/* A row that PostgreSQL 15 wrote: copy (select '東', 5::bigint, -2, true, array['a','bc'], '{}'::text[], '\x00ff'::bytea, '{}'::jsonb)
 * to stdout (format binary). */
static const unsigned char written[] = {
    0, 8,                                                                                     /* fields */
    0, 0, 0, 3,  0xe6, 0x9d, 0xb1,                                                            /* text */
    0, 0, 0, 8,  0,    0,    0,    0,    0, 0,   0,   5,                                      /* bigint */
    0, 0, 0, 4,  0xff, 0xff, 0xff, 0xfe,                                                      /* integer */
    0, 0, 0, 1,  1,                                                                           /* boolean */
    0, 0, 0, 31, 0,    0,    0,    1,    0, 0,   0,   0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, /* text[] */
    0, 0, 0, 1,  'a',  0,    0,    0,    2, 'b', 'c',                                         /* its elements */
    0, 0, 0, 12, 0,    0,    0,    0,    0, 0,   0,   0, 0, 0, 0, 25,                         /* none */
    0, 0, 0, 2,  0,    0xff,                                                                  /* bytea */
    0, 0, 0, 3,  1,    '{',  '}',                                                             /* jsonb */
};

static void a_row_is_as_the_database_writes_it(void **state) {
    (void)state;
    scope_copy struct copy c;
    copy_init(&c, 4096);
    for (int row = 0; row < 2; row++) {
        copy_text(&c, "東");
        copy_int(&c, 5);
        copy_int4(&c, -2);
        copy_bool(&c, true);
        copy_array(&c, (const char *const[]){"a", "bc"}, 2);
        copy_array(&c, NULL, 0);
        copy_bytes(&c, "\x00\xff", 2);
        copy_jsonb(&c, "{}");
        copy_end(&c);
    }
    assert_int_equal(c.rows.len, 2 * sizeof written);
    assert_memory_equal(c.rows.data, written, sizeof written);
    assert_memory_equal(c.rows.data + sizeof written, written, sizeof written);
}

static void a_row_too_long_leaves_nothing(void **state) {
    (void)state;
    scope_copy struct copy c;
    copy_init(&c, 16);
    copy_text(&c, "0123456789abcdef");
    copy_end(&c);
    assert_true(c.rows.failed);
    assert_int_equal(c.rows.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_row_is_as_the_database_writes_it),
                                       cmocka_unit_test(a_row_too_long_leaves_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
