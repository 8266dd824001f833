#include "notify/notice_mail.h"

#include <stdio.h>

#include "tests/unit.h"

static const struct notice LIST[] = {
    {.kind = NOTICE_INCIDENT,
     .number = 1034,
     .priority = "HIGH",
     .tenant = "東京",
     .by = "Security Team",
     .text = "不審な\r\nプロセス"},
    {.kind = NOTICE_RESPONSE,
     .number = 1034,
     .priority = "HIGH",
     .type = "ISOLATE_HOST",
     .host = "WS-1",
     .by = "Security Team",
     .text = "隔離します",
     .until_ms = 1795338000000},
    {.kind = NOTICE_STATUS, .number = 1000, .priority = "LOW", .status = "Closed", .by = "Taro", .text = "Old one"},
    {.kind = NOTICE_COMMENT, .number = 1000, .priority = "LOW", .by = "Hanako", .text = "Please look"},
};

static struct notice_mail sample(const char *language, bool extended, size_t n) {
    struct notice_mail m = {.organisation = "株式会社サンプル",
                            .language = language,
                            .timezone = "Asia/Tokyo",
                            .url = "https://mdr.example.jp",
                            .extended = extended,
                            .list = LIST,
                            .n = n};
    for (size_t i = 0; i < n; i++) m.totals[LIST[i].kind]++;
    return m;
}

static void check(const char *text, const char *wanted, bool there) {
    if (!strstr(text, wanted) == there) print_message("%s: %s\n%s\n", there ? "missing" : "there", wanted, text);
    assert_int_equal(strstr(text, wanted) != NULL, there);
}

static void test_words(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct notice_mail m = sample("en", true, 4);
    struct notice_words w = notice_words(&arena, &m);
    assert_string_equal(w.subject, "[MDR] 1 response to decide, 1 new incident, 1 change of status, 1 new comment");
    static const char *const EN[] = {
        "- K-1034  [High]  Isolate host from the network  decide until 2026-11-22 18:00 JST (2026-11-22 09:00 UTC)",
        "WS-1, Security Team",
        "- K-1000  [Low]  Closed",
        "Please look",
        "https://mdr.example.jp",
        "不審な  プロセス"};
    for (size_t i = 0; i < sizeof EN / sizeof *EN; i++) check(w.text, EN[i], true);
    check(w.text, "\r", false);
    m = sample("ja", true, 2);
    w = notice_words(&arena, &m);
    assert_string_equal(w.subject, "[MDR] 承認待ちの対応措置 1 件、新規インシデント 1 件");
    check(w.text, "承認期限: 2026-11-22 18:00 JST (2026-11-22 09:00 UTC)", true);
    check(w.text, "ホストのネットワーク隔離", true);
    arena_free(&arena);
}

static void test_without_texts(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct notice_mail m = sample("en", false, 4);
    struct notice_words w = notice_words(&arena, &m);
    static const char *const HIDDEN[] = {"不審", "WS-1",   "Security Team", "Old one",   "Please look",
                                         "Taro", "Hanako", "東京",          "隔離します"};
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++) check(w.text, HIDDEN[i], false);
    check(w.text, "- K-1034  [High]", true);
    m = sample("en", true, 1);
    w = notice_words(&arena, &m);
    assert_string_equal(w.subject, "[MDR] 1 new incident: K-1034 (High priority)");
    m.language = "ja";
    assert_string_equal(notice_words(&arena, &m).subject, "[MDR] 新規インシデント 1 件: K-1034（優先度 高）");
    arena_free(&arena);
}

static void test_more_than_listed_and_long(void **state) {
    (void)state;
    static char text[5000];
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i + 3 < sizeof text; i += 3) memcpy(text + i, "\xe3\x81\x82", 3);
    struct notice one = {.kind = NOTICE_COMMENT, .number = 1, .priority = "LOW", .text = text};
    struct notice_mail m = sample("en", true, 1);
    m.list = &one;
    memset(m.totals, 0, sizeof m.totals);
    m.totals[NOTICE_COMMENT] = 1000;
    struct notice_words w = notice_words(&arena, &m);
    check(w.text, "- and 999 more", true);
    check(w.text, "\x82...", true);
    assert_true(strlen(w.text) < 1000);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_without_texts),
        cmocka_unit_test(test_more_than_listed_and_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
