/* Reports of a period are read back with pdftotext and pdfinfo (poppler-utils). */
#include "reports/period_pdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit.h"

enum { LIST_LONG = 1000 };
static struct period_incident list[LIST_LONG];
static const struct period_execution EXECUTIONS[] = {{"succeeded", 14}, {"unknown", 2}};

static struct period_report sample(const char *language, size_t n) {
    struct period_report r = {
        .organisation = "株式会社サンプル",
        .schedule = "経営会議",
        .type = "weekly",
        .tenants = "東京支社, Osaka",
        .from_ms = 1763132400000,
        .to_ms = 1763737200000,
        .generated_ms = 1763769600000,
        .list = list,
        .list_n = n,
        .assets = {1200, 3, 0, 7, 0},
        .responses_waiting = 2,
        .responses_undecided = 1,
        .responses = {{11, 4}, {5, 0}, {0, 9}},
        .executions = EXECUTIONS,
        .executions_n = 2,
        .language = language,
        .timezone = "Asia/Tokyo",
    };
    r.incidents[PRIORITY_HIGH][COUNT_ALL] = (int64_t)n;
    r.incidents[PRIORITY_HIGH][COUNT_OPEN] = (int64_t)n;
    for (size_t i = 0; i < LIST_LONG; i++)
        list[i] = (struct period_incident){.number = 1000 + (int64_t)i,
                                           .created_ms = 1763132400000 + (int64_t)i * 60000,
                                           .summary = "不審なプロセス powershell.exe を検出しました",
                                           .priority = "HIGH",
                                           .status = "Closed",
                                           .resolution = "True positive",
                                           .hosts = "WS-0001.example.jp\nWS-0002.example.jp"};
    return r;
}

static char *run(const char *command, const struct period_report *r) {
    static char text[4 << 20];
    char path[] = "/tmp/mdr-period-XXXXXX", line[200];
    scope_buf struct buf pdf;
    buf_init(&pdf, 32 << 20);
    assert_int_equal(period_pdf(r, &pdf), OK);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, buf_text(&pdf), pdf.len), pdf.len);
    close(fd);
    snprintf(line, sizeof line, command, path);
    FILE *p = popen(line, "re");
    text[fread(text, 1, sizeof text - 1, p)] = 0;
    assert_int_equal(pclose(p), 0);
    unlink(path);
    return text;
}

static size_t occurrences(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what)) n++;
    return n;
}

static void has(const char *text, const char *what) {
    if (!strstr(text, what)) print_message("missing: %s\n", what);
    assert_non_null(strstr(text, what));
}

static void test_words(void **state) {
    (void)state;
    struct period_report en = sample("en", 2), ja = sample("ja", 2);
    static const char *const EN[] = {"Weekly report",
                                     "2025-11-15 \u2013 2025-11-21",
                                     "株式会社サンプル",
                                     "東京支社, Osaka",
                                     "K-1000",
                                     "True positive",
                                     "Deadline passed",
                                     "1,200",
                                     "succeeded 14, unknown 2",
                                     "経営会議"};
    static const char *const JA[] = {"週次レポート", "セキュリティ定期レポート", "インシデント一覧", "真の脅威",
                                     "期限切れ",     "成功 14, 不明 2",          "不審なプロセス",   "承認待ち"};
    char *text = run("pdftotext -layout %s -", &en);
    for (size_t i = 0; i < sizeof EN / sizeof *EN; i++) has(text, EN[i]);
    text = run("pdftotext -layout %s -", &ja);
    for (size_t i = 0; i < sizeof JA / sizeof *JA; i++) has(text, JA[i]);
    en.tenants = NULL;
    has(run("pdftotext -layout %s -", &en), "All tenants");
    has(run("pdfinfo %s", &en), "Weekly report 2025-11-15");
}

/* The head of the table stands on each of its pages. */
static void test_long_lists_break_with_their_head(void **state) {
    (void)state;
    struct period_report r = sample("en", LIST_LONG);
    r.incidents[PRIORITY_LOW][COUNT_ALL] = 12345;
    char *text = run("pdftotext -layout %s -", &r);
    size_t pages = occurrences(text, "\f"), heads = occurrences(text, "Hosts");
    assert_true(pages > 20 && pages < 80);
    assert_true(heads >= pages - 1);
    has(text, "K-1999");
    has(text, "and 12,345 more");
}

static void test_empty_and_hostile(void **state) {
    (void)state;
    struct period_report r = sample("en", 0);
    has(run("pdftotext -layout %s -", &r), "No incidents were created");
    r = sample("ja", 1);
    list[0].summary = "\x01\xff\xfe <b>x</b> \xe2\x80\xae evil";
    list[0].hosts = NULL;
    list[0].status = NULL;
    list[0].resolution = NULL;
    r.schedule = r.type = r.organisation = NULL;
    r.timezone = "Not/AZone";
    has(run("pdftotext -layout %s -", &r), "<b>x</b>");
}

static void test_period_text(void **state) {
    (void)state;
    char out[PERIOD_TEXT_BYTES];
    period_text("Asia/Tokyo", 1763132400000, 1763218800000, out);
    assert_string_equal(out, "2025-11-15");
    period_text("UTC", 1761955200000, 1764547200000, out);
    assert_string_equal(out, "2025-11-01 \u2013 2025-11-30");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_long_lists_break_with_their_head),
        cmocka_unit_test(test_empty_and_hostile),
        cmocka_unit_test(test_period_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
