/* Pages are read back with pdftotext and pdfinfo (poppler-utils). Attacks: control characters, bidirectional
 * overrides, invalid UTF-8, unbreakable texts, Markdown nested and spread to the limit, more rows than pages, links
 * and scripts that would be active. */
#include "reports/pdf.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "reports/markdown.h"
#include "reports/pdf_labels.h"
#include "tests/unit.h"

#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define LONG_PATH                                                                                                      \
    "C:\\Users\\tanaka\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup\\OfficeUpdateHelper.dll"

static const char *const HOSTS[] = {"WS-TOKYO-0142:0x1F3A9C0D5E7B24688ACE13579BDF0246"};
static const char *const TACTICS[] = {"TA0005: Defense Evasion"};
static const struct report_ioc IOCS[] = {
    {"sha256", SHA256, "ローダー"}, {"file_path", LONG_PATH, NULL}, {"registry_key", "HKCU\\Run\\x", ""}};
static const struct report_ioc NET[] = {{"ip", "203.0.113.57", "C2"}, {"domain", "evil.example", ""}};
static const struct report_response RESPONSES[] = {
    {.type = "ISOLATE_HOST",
     .asset = "WS-1:0x01",
     .status = "Confirmed",
     .comment = "承認します",
     .parameters = "{\"duration_s\": 3600}",
     .decided_by = "山田 太郎",
     .created_ms = 1795255200000,
     .decided_ms = 1795255500000},
    {.type = "SOMETHING_NEW", .status = "New"},
};
static const struct report_message MESSAGES[] = {
    {"Security Team", "Service", "Please **do not** reboot", 1795256000000, NULL, 0},
    {"山田 太郎", "Client", "原本です", 1795256100000, "請求書_2026年11月.eml", 184320},
};

static struct report sample(const char *language) {
    return (struct report){
        .organisation = "株式会社サンプル",
        .tenant = "東京本社",
        .number = 1042,
        .summary = "難読化された PowerShell の検知",
        .priority = "HIGH",
        .status = "Open",
        .resolution = "",
        .origin = "Service",
        .detection_technology = "AMSI",
        .created_ms = 1795255000000,
        .updated_ms = 1795258000000,
        .detected_ms = 1795254000000,
        .generated_ms = 1795260000000,
        .hosts = HOSTS,
        .hosts_n = 1,
        .tactics = TACTICS,
        .tactics_n = 1,
        .description = "日本語の**説明**です。office efficient affix file flow",
        .host_iocs = IOCS,
        .host_iocs_n = 3,
        .network_iocs = NET,
        .network_iocs_n = 2,
        .responses = RESPONSES,
        .responses_n = 2,
        .messages = MESSAGES,
        .messages_n = 2,
        .language = language,
        .timezone = "Asia/Tokyo",
    };
}

static struct buf pdf_of(const struct report *report) {
    struct buf out;
    buf_init(&out, PDF_MAX_BYTES);
    assert_int_equal(report_pdf(report, &out), OK);
    assert_memory_equal(out.data, "%PDF-", 5);
    return out;
}

/* What `command FILE` prints for this PDF. */
static struct buf ask(const struct buf *pdf, const char *command, const char *more) {
    char path[] = "/tmp/pdf_test_XXXXXX", line[4096], call[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pdf->data, pdf->len), (ssize_t)pdf->len);
    close(fd);
    snprintf(call, sizeof call, "%s %s %s", command, path, more);
    FILE *pipe = popen(call, "r");
    struct buf out;
    buf_init(&out, 16 << 20);
    for (size_t n; (n = fread(line, 1, sizeof line, pipe));) buf_add(&out, line, n);
    assert_int_equal(pclose(pipe), 0);
    unlink(path);
    return out;
}

static struct buf text_of(const struct report *report) {
    scope_buf struct buf pdf = pdf_of(report);
    return ask(&pdf, "pdftotext -enc UTF-8", "-");
}

static void squeeze(struct buf *text) {
    size_t to = 0;
    for (size_t i = 0; i < text->len; i++)
        if (!strchr(" \n\f", text->data[i])) text->data[to++] = text->data[i];
    text->data[text->len = to] = 0;
}

static void has(const struct buf *text, const char *wanted) {
    if (!strstr(buf_text(text), wanted)) print_message("missing: %s\n", wanted);
    assert_non_null(strstr(buf_text(text), wanted));
}

static bool holds(const struct buf *bytes, const char *wanted) {
    size_t len = strlen(wanted);
    for (size_t i = 0; i + len <= bytes->len; i++)
        if (!memcmp(bytes->data + i, wanted, len)) return true;
    return false;
}

static void test_text_comes_back(void **state) {
    (void)state;
    static const char *const WANTED[] = {"難読化された PowerShell の検知",
                                         "株式会社サンプル",
                                         "東京本社",
                                         "日本語の説明です。",
                                         "office efficient affix file flow",
                                         SHA256,
                                         "203.0.113.57",
                                         "evil.example",
                                         "HKCU\\Run\\x",
                                         "WS-TOKYO-0142:0x1F3A9C0D5E7B24688ACE13579BDF0246",
                                         "承認します",
                                         "{\"duration_s\": 3600}",
                                         "SOMETHING_NEW",
                                         "do not",
                                         "請求書_2026年11月.eml",
                                         "180.0 KiB",
                                         "K-1042",
                                         "2026-11-21 18:56:40 JST",
                                         "2026-11-21 09:56:40 UTC"};
    for (int ja = 0; ja < 2; ja++) {
        struct report r = sample(ja ? "ja" : "en");
        scope_buf struct buf text = text_of(&r);
        for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) has(&text, WANTED[i]);
        has(&text, ja ? "ホストのネットワーク隔離" : "Isolate host from the network");
        has(&text, ja ? "優先度: 高" : "Priority: High");
        has(&text, ja ? "ページ 1 / " : "Page 1 / ");
        squeeze(&text);
        has(&text,
            "C:\\Users\\tanaka\\AppData\\Roaming\\Microsoft\\Windows\\StartMenu\\Programs\\Startup\\OfficeUpdateHelper."
            "dll");
    }
}

static void test_metadata(void **state) {
    (void)state;
    struct report r = sample("ja");
    scope_buf struct buf pdf = pdf_of(&r), info = ask(&pdf, "TZ=UTC pdfinfo", "");
    has(&info, "K-1042 難読化された PowerShell の検知");
    has(&info, "Author:          株式会社サンプル");
    has(&info, "Sat Nov 21 11:20:00 2026");
    has(&info, "A4");
    has(&info, "JavaScript:      no");
    assert_false(holds(&pdf, "/URI"));
}

static void test_empty(void **state) {
    (void)state;
    struct report r = {0};
    scope_buf struct buf text = text_of(&r);
    has(&text, "K-0");
    has(&text, "Page 1 / 1");
}

static void test_time_zones(void **state) {
    (void)state;
    struct report r = sample("en");
    r.timezone = "America/New_York";
    scope_buf struct buf new_york = text_of(&r);
    has(&new_york, "2026-11-21 04:56:40 EST");
    r.timezone = "../etc/passwd";
    scope_buf struct buf none = text_of(&r);
    has(&none, "2026-11-21 09:56:40 UTC");
    r.timezone = "America/Sao_Paulo";
    scope_buf struct buf sao_paulo = text_of(&r);
    has(&sao_paulo, "2026-11-21 06:56:40 UTC-03:00");
}

static void test_hostile_characters(void **state) {
    (void)state;
    struct report r = sample("en");
    r.summary = "a\x01\x1b[31m\r b \xff\xc3 \xe2\x80\xae"
                "fdp.exe \xe2\x81\xa6 \xf3\xa0\x81\x81 \xf0\x9f\x98\x80 \xed\x95\x9c \xef\xbf\xbf end";
    r.organisation = "org\nline \xe2\x80\x8b";
    r.description = "See <script>alert(1)</script> [x](javascript:alert(1)) ![i](https://evil.example/i.png)";
    scope_buf struct buf pdf = pdf_of(&r), text = ask(&pdf, "pdftotext -enc UTF-8", "-");
    has(&text, "<U+202E>fdp.exe <U+2066>");
    has(&text, "a[31m b");
    has(&text, "See <script>alert(1)</script> x i");
    assert_null(strstr(text.data, "javascript"));
    for (size_t i = 0; i < text.len; i++)
        assert_true((unsigned char)text.data[i] >= 0x20 || strchr("\n\f", text.data[i]));
    assert_false(holds(&pdf, "/JavaScript"));
}

/* Every number of a text without a blank must come back; only those that a page break cuts may miss, once each. */
static void test_long_words_wrap(void **state) {
    (void)state;
    enum { NUMBERS = 1000 };
    char word[NUMBERS * 5 + 1], piece[16];
    for (int i = 0; i < NUMBERS; i++) snprintf(word + 5 * i, sizeof word - 5 * (size_t)i, "%04dx", i);
    struct report r = sample("en");
    struct report_response one = RESPONSES[0];
    one.parameters = r.description = word;
    r.responses = &one;
    r.responses_n = 1;
    scope_buf struct buf text = text_of(&r);
    squeeze(&text);
    int missing = 0;
    for (int i = 0; i < NUMBERS; i++) {
        int seen = 0;
        snprintf(piece, sizeof piece, "%04dx", i);
        for (const char *hit = text.data; (hit = strstr(hit, piece)); hit++) seen++;
        if (seen < 2) missing += 2 - seen;
    }
    assert_in_range(missing, 0, 3);
}

static int pages_of(const struct buf *pdf) {
    scope_buf struct buf info = ask(pdf, "pdfinfo", "");
    const char *pages = strstr(buf_text(&info), "Pages:");
    return pages ? atoi(pages + 6) : 0;
}

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void test_pages_are_bounded_and_quick(void **state) {
    (void)state;
    static struct report_response many[5000];
    for (size_t i = 0; i < 5000; i++) many[i] = RESPONSES[0];
    struct report r = sample("ja");
    r.responses = many;
    r.responses_n = 5000;
    double from = milliseconds();
    scope_buf struct buf pdf = pdf_of(&r);
    double took = milliseconds() - from;
    int pages = pages_of(&pdf);
    scope_buf struct buf text = ask(&pdf, "pdftotext -f 200 -enc UTF-8", "-");
    assert_int_equal(pages, PDF_PAGES_MAX);
    has(&text, pdf_label(LABEL_SHORTENED, true));
    print_message("%d pages, %zu bytes, %.1f ms a page\n", pages, pdf.len, took / pages);
    assert_true(took / pages < 20);
}

static void test_texts_are_bounded(void **state) {
    (void)state;
    char *text = malloc(1 << 20);
    memset(text, 'x', (1 << 20) - 1);
    text[(1 << 20) - 1] = 0;
    struct report r = sample("en");
    r.description = r.summary = r.detection_technology = text;
    scope_buf struct buf pdf = pdf_of(&r), read = ask(&pdf, "pdftotext -enc UTF-8", "-");
    has(&read, "[... shortened]");
    assert_true(pages_of(&pdf) < 80);
    free(text);
}

static void test_output_limit(void **state) {
    (void)state;
    struct report r = sample("en");
    scope_buf struct buf out = {.limit = 1000};
    assert_int_equal(report_pdf(&r, &out), ERR_INTERNAL);
}

static void test_markdown_extremes(void **state) {
    (void)state;
    static const char *const PIECES[] = {"> ",           "- ", "1. ",   "*a ",      "`",
                                         "|a|b\n|-|-\n", "|",  "# a\n", "```\n",    "- a\n  - b\n",
                                         "[a](b) ",      "**", "\n\n",  "- [x] a\n"};
    char text[MARKDOWN_MAX_BYTES + 1];
    for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; i++) {
        size_t len = strlen(PIECES[i]), at = 0;
        for (; at + len < sizeof text; at += len) memcpy(text + at, PIECES[i], len);
        text[at] = 0;
        struct report r = sample("en");
        r.description = text;
        double from = milliseconds();
        scope_buf struct buf pdf = pdf_of(&r);
        double took = milliseconds() - from;
        if (took > 100) print_message("%s: %.0f ms\n", PIECES[i], took);
        assert_true(took < 4000);
    }
}

static void test_markdown_is_rendered(void **state) {
    (void)state;
    struct report r = sample("en");
    r.description = "# Head\n\n1. one\n2. two\n\n- [x] done\n\n> quote\n\n```\ncode "
                    "here\n```\n\n|a|b|\n|-|-|\n|c1|`c2`|\n\n[shown](https://e.example/x) https://e.example/y\n\n***\n";
    scope_buf struct buf text = text_of(&r);
    static const char *const WANTED[] = {"Head", "1.",    "one",
                                         "done", "quote", "code here",
                                         "c1",   "c2",    "shown (https://e.example/x) https://e.example/y"};
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) has(&text, WANTED[i]);
    assert_null(strstr(text.data, "|c1|"));
    assert_null(strstr(text.data, "```"));
}

static void *render_some(void *sizes) {
    for (int i = 0; i < 5; i++) {
        struct report r = sample(i % 2 ? "ja" : "en");
        struct buf out;
        buf_init(&out, PDF_MAX_BYTES);
        ((size_t *)sizes)[i] = report_pdf(&r, &out) == OK ? out.len : 0;
        buf_free(&out);
    }
    return NULL;
}

/* With stacks as small as those of the server's connections. */
static void test_threads(void **state) {
    (void)state;
    pthread_t threads[4];
    size_t sizes[4][5];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
#ifndef __SANITIZE_ADDRESS__
    pthread_attr_setstacksize(&attributes, 256 << 10);
#endif
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], &attributes, render_some, sizes[i]), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 5; k++) assert_in_range(sizes[i][k], 20000, 1000000);
    pthread_attr_destroy(&attributes);
}

static void test_memory_does_not_grow(void **state) {
    (void)state;
    struct report r = sample("ja");
    size_t before = 0;
    for (int i = 0; i < 60; i++) {
        scope_buf struct buf out = pdf_of(&r);
        if (i == 20) before = mallinfo2().uordblks;
    }
    size_t after = mallinfo2().uordblks;
    print_message("40 reports: %zd bytes more\n", (ssize_t)(after - before));
    assert_true(after < before + 400000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_comes_back),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_time_zones),
        cmocka_unit_test(test_hostile_characters),
        cmocka_unit_test(test_long_words_wrap),
        cmocka_unit_test(test_pages_are_bounded_and_quick),
        cmocka_unit_test(test_texts_are_bounded),
        cmocka_unit_test(test_output_limit),
        cmocka_unit_test(test_markdown_extremes),
        cmocka_unit_test(test_markdown_is_rendered),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_memory_does_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
