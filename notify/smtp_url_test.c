#include "notify/smtp_url.h"

#include "tests/unit.h"

static void urls_are_taken_apart(void **state) {
    (void)state;
    struct arena arena;
    struct smtp_target t;
    arena_init(&arena, 65536);
    assert_int_equal(smtp_url_parse(&arena, "smtp://127.0.0.1:2525", &t), OK);
    assert_string_equal(t.server.url, "smtp://127.0.0.1:2525");
    assert_null(t.server.user);
    assert_null(t.server.password);
    assert_false(t.server.require_tls);
    assert_int_equal(smtp_url_parse(&arena, "SMTPS://mdr%40example.jp:p%40s%3As@w@mail.example.jp:465", &t), OK);
    assert_string_equal(t.server.url, "smtps://mail.example.jp:465");
    assert_string_equal(t.server.user, "mdr@example.jp");
    assert_string_equal(t.server.password, "p@s:s@w");
    assert_true(t.server.require_tls);
    assert_int_equal(smtp_url_parse(&arena, "smtp://only@host", &t), OK);
    assert_string_equal(t.server.user, "only");
    assert_null(t.server.password);
    assert_int_equal(smtp_url_parse(&arena, "http://x", &t), ERR_INVALID);
    assert_int_equal(smtp_url_parse(&arena, "smtp://", &t), ERR_INVALID);
    assert_int_equal(smtp_url_parse(&arena, "smtp://u:p@", &t), ERR_INVALID);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(urls_are_taken_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
