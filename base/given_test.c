#include "base/given.h"

#include <stdio.h>

#include "tests/unit.h"

static struct arena arena;

static const char *id_of(int i) { return arena_printf(&arena, "0x%032x", (unsigned)i * 2654435761u); }

static struct given *added(struct given *g, int from, int to) {
    for (int i = from; i < to; i++) {
        g = given_add(g, id_of(i));
        assert_non_null(g);
    }
    return g;
}

static void assert_holds(const struct given *g, int from, int to, bool wanted) {
    struct strings ids = strings_new(&arena, (size_t)(to - from));
    for (int i = to - 1; i >= from; i--) ids.v[ids.n++] = id_of(i);
    const bool *found = given_find(g, &ids, &arena);
    for (size_t i = 0; i < ids.n; i++) assert_int_equal(found[i], wanted);
}

static void test_finds_what_was_given(void **state) {
    (void)state;
    struct given *g = given_close(added(NULL, 0, 1000));
    g = given_close(added(g, 1000, 1001));
    g = added(g, 1001, 5000);
    assert_int_equal(given_count(g), 5000);
    assert_holds(g, 0, 5000, true);
    assert_holds(g, 2500, 2501, true);
    assert_holds(g, 5000, 9000, false);
    assert_holds(NULL, 0, 3, false);
    struct strings none = {0};
    given_find(g, &none, &arena);
    given_let_go(g);
    assert_int_equal(given_bytes(), 0);
}

static void test_equal_marks_are_not_equal_ids(void **state) {
    (void)state;
    struct given *g = added(NULL, 0, 70000); /* more than there are marks */
    assert_holds(g, 70000, 71000, false);
    assert_holds(g, 69000, 70000, true);
    given_let_go(g);
}

static void test_branches_share_what_was_before(void **state) {
    (void)state;
    struct given *page1 = given_close(added(NULL, 0, 100));
    struct given *one = given_close(added(given_hold(page1), 100, 200));
    struct given *other = added(given_hold(page1), 500, 510);
    assert_int_equal(given_count(page1), 100);
    assert_int_equal(given_count(one), 200);
    assert_int_equal(given_count(other), 110);
    given_let_go(page1);
    assert_holds(one, 0, 200, true);
    assert_holds(one, 500, 510, false);
    assert_holds(other, 500, 510, true);
    assert_holds(other, 100, 200, false);
    given_let_go(one);
    assert_holds(other, 0, 100, true);
    given_let_go(other);
    given_let_go(NULL);
    assert_int_equal(given_bytes(), 0);
}

static void test_written(void **state) {
    (void)state;
    scope_buf struct buf out;
    buf_init(&out, 1000);
    given_write(NULL, &out);
    assert_string_equal(buf_text(&out), "");
    struct given *g = given_close(given_add(given_add(NULL, "a"), "b"));
    g = given_add(g, "MDR_c");
    given_write(g, &out);
    assert_string_equal(buf_text(&out), "MDR_c,a,b");
    given_let_go(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_given),
        cmocka_unit_test(test_equal_marks_are_not_equal_ids),
        cmocka_unit_test(test_branches_share_what_was_before),
        cmocka_unit_test(test_written),
    };
    arena_init(&arena, 256u << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
