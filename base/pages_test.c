#include "base/pages.h"

#include <stdio.h>

#include "tests/unit.h"

static const struct order orders[] = {
    {"name:asc", "name", "id", .text = true, .descending = false, .noted = 100},
    {"time:desc", "time", "id", .descending = true},
    {"seen:asc", "seen", "id", .descending = false, .noted = 200000},
};
static const struct order *by_name = &orders[0], *by_time = &orders[1], *by_seen = &orders[2];
static struct sql filter;

static struct walk page_of(const char *session, const struct order *o, int64_t page) {
    return walk_begin("client", session, &filter, o, page, 10);
}

/* A page ends at `number`, and gave n rows. */
static void leaf(const char *session, const struct order *o, int64_t page, int64_t number, int n) {
    scope_walk struct walk w = page_of(session, o, page);
    char id[40] = "";
    for (int i = 0; i < n; i++) {
        snprintf(id, sizeof id, "%lld-%d", (long long)number, i);
        walk_note_given(&w, id);
    }
    walk_note_last(&w, number, id, id);
    walk_remember(&w);
}

static void assert_ended_at(const char *session, const struct order *o, int64_t page, int64_t number) {
    scope_walk struct walk w = page_of(session, o, page + 1);
    assert_true(w.at.begun);
    assert_int_equal(w.at.number, number);
    assert_int_equal(w.leap, 0);
}

static void assert_unknown(const char *session, const struct order *o, int64_t page) {
    scope_walk struct walk w = page_of(session, o, page + 1);
    assert_false(w.at.begun || w.at.whole);
    assert_int_equal(w.leap, page * 10);
}

static void test_continues_where_the_page_before_ended(void **state) {
    (void)state;
    leaf("s1", by_time, 1, 500, 0);
    leaf("s1", by_time, 2, 400, 0);
    assert_ended_at("s1", by_time, 1, 500);
    assert_ended_at("s1", by_time, 2, 400);
    leaf("s1", by_time, 1, 700, 0);
    assert_ended_at("s1", by_time, 1, 700);
    assert_unknown("s1", by_time, 3);
}

static void test_nobody_continues_for_another(void **state) {
    (void)state;
    leaf("s2", by_time, 1, 500, 0);
    assert_unknown("s3", by_time, 1);
    assert_unknown("s2", by_seen, 1);
    scope_walk struct walk other_client = walk_begin("client2", "s2", &filter, by_time, 2, 10);
    assert_false(other_client.at.begun);
    scope_walk struct walk other_size = walk_begin("client", "s2", &filter, by_time, 2, 11);
    assert_int_equal(other_size.leap, 11);
    scope_sql struct sql narrower;
    sql_init(&narrower);
    sql_add(&narrower, "x = ?", "s", "other");
    scope_walk struct walk other_filter = walk_begin("client", "s2", &narrower, by_time, 2, 10);
    assert_false(other_filter.at.begun);
}

/* Found by search: with "client/" before them both have the hash 5e1b373be73b769e. */
static void test_a_colliding_hash_is_no_key(void **state) {
    (void)state;
    leaf("BztLQSkZfD2", by_time, 1, 500, 0);
    assert_ended_at("BztLQSkZfD2", by_time, 1, 500);
    assert_unknown("RqN7_G3fGW2", by_time, 1);
}

static void test_statement(void **state) {
    (void)state;
    scope_walk struct walk first = page_of("s4", by_name, 1);
    scope_sql struct sql q;
    sql_init(&q);
    walk_add_behind(&first, &q, "a");
    walk_add_not_given(&first, &q, "a");
    order_add(by_name, &q, "a");
    assert_string_equal(buf_text(&q.text), " order by a.name asc, a.id asc");
    leaf("s4", by_name, 1, 7, 2);
    scope_walk struct walk second = page_of("s4", by_name, 2);
    buf_reset(&q.text);
    walk_add_behind(&second, &q, "a");
    walk_add_not_given(&second, &q, "a");
    assert_string_equal(buf_text(&q.text),
                        " and (a.name, a.id) > ($1, $2) and a.id not in (select string_to_table($3, ','))");
    assert_string_equal(q.values.data + q.params[0].offset, "7-1");
    assert_string_equal(q.values.data + q.params[2].offset, "7-0,7-1");
    leaf("s4", by_time, 1, 9, 2);
    scope_walk struct walk down = page_of("s4", by_time, 2);
    buf_reset(&q.text);
    q.n = 0;
    walk_add_behind(&down, &q, "i");
    walk_add_not_given(&down, &q, "i");
    order_add(by_time, &q, "i");
    assert_string_equal(buf_text(&q.text), " and (i.time, i.id) < ($1, $2) order by i.time desc, i.id desc");
    assert_int_equal(q.params[0].type, 'i');
}

static void test_orders_are_named(void **state) {
    (void)state;
    assert_ptr_equal(order_named(orders, 3, "seen:asc"), by_seen);
    assert_ptr_equal(order_named(orders, 3, NULL), by_name);
}

static bool is_whole(const char *session, const struct order *o, int64_t page) {
    scope_walk struct walk w = page_of(session, o, page);
    return w.at.whole;
}

static void test_whole_only_while_all_is_noted(void **state) {
    (void)state;
    leaf("s5", by_name, 1, 1, 60);
    leaf("s5", by_name, 2, 2, 40);
    assert_true(is_whole("s5", by_name, 1) && is_whole("s5", by_name, 3));
    leaf("s5", by_name, 3, 3, 1);
    assert_false(is_whole("s5", by_name, 4));
    leaf("s6", by_name, 7, 1, 1); /* nobody knows what pages 1 to 6 gave */
    assert_false(is_whole("s6", by_name, 8));
}

static void test_the_longest_unused_is_forgotten(void **state) {
    (void)state;
    leaf("s7", by_time, 1, 42, 0);
    for (int64_t page = 1; page < 40000; page++) {
        leaf("s8", by_time, page, page, 0);
        if (page % 500 == 0) assert_ended_at("s7", by_time, 1, 42); /* used, so kept */
    }
    assert_ended_at("s8", by_time, 39999, 39999);
    assert_unknown("s8", by_time, 2);
}

static void test_notes_are_bounded_ends_stay(void **state) {
    (void)state;
    char session[20];
    for (int i = 0; i < 60; i++) {
        snprintf(session, sizeof session, "many %d", i);
        leaf(session, by_seen, 1, i, 150000);
        assert_true(given_bytes() < 68u * 1024 * 1024);
    }
    assert_true(is_whole("many 59", by_seen, 2));
    assert_false(is_whole("many 0", by_seen, 2));
    assert_ended_at("many 0", by_seen, 1, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_continues_where_the_page_before_ended),
        cmocka_unit_test(test_nobody_continues_for_another),
        cmocka_unit_test(test_a_colliding_hash_is_no_key),
        cmocka_unit_test(test_statement),
        cmocka_unit_test(test_orders_are_named),
        cmocka_unit_test(test_whole_only_while_all_is_noted),
        cmocka_unit_test(test_the_longest_unused_is_forgotten),
        cmocka_unit_test(test_notes_are_bounded_ends_stay),
    };
    sql_init(&filter);
    sql_add(&filter, "x = ?", "s", "this");
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sql_free(&filter);
    return failed;
}
