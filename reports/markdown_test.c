/* Attacks tried here: script and other HTML (block, inline, broken), javascript:/data:/vbscript: links in plain,
 * entity, upper-case, blank- and control-character spellings, references, autolinks, images, quotes that break out
 * of attributes, tables and nesting that cost the square of their length, too much output, invalid UTF-8, many
 * threads. */
#include "reports/markdown.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit.h"

static struct buf html_of(const char *markdown, size_t len) {
    struct buf html;
    buf_init(&html, 1 << 20);
    assert_int_equal(markdown_to_html(markdown, len, &html), OK);
    return html;
}

static void expect(const char *markdown, const char *wanted) {
    scope_buf struct buf html = html_of(markdown, strlen(markdown));
    assert_string_equal(buf_text(&html), wanted);
}

#define A "<a rel=\"noopener noreferrer nofollow\" href="

static void test_renders(void **state) {
    (void)state;
    expect("", "");
    expect("a **b** ~~c~~", "<p>a <strong>b</strong> <del>c</del></p>\n");
    expect("# 検知", "<h1>検知</h1>\n");
    expect("[x](https://example.com/?a=1&b=2)", "<p>" A "\"https://example.com/?a=1&amp;b=2\">x</a></p>\n");
    expect("see https://example.com.", "<p>see " A "\"https://example.com\">https://example.com</a>.</p>\n");
    expect("[m](MAILTO:a@example.com)", "<p>" A "\"MAILTO:a@example.com\">m</a></p>\n");
    expect("a@example.com", "<p>" A "\"mailto:a@example.com\">a@example.com</a></p>\n");
    expect("|a|b|\n|-|-|\n|1|2|\n",
           "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n"
           "<td>2</td>\n</tr>\n</tbody>\n</table>\n");
    expect("C:\\Windows\\System32\\a.exe", "<p>C:\\Windows\\System32\\a.exe</p>\n");
}

static void test_html_is_text(void **state) {
    (void)state;
    expect("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n");
    expect("a <b onclick=x>c</b>", "<p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>\n");
    expect("<!-- a -->", "<p>&lt;!-- a --&gt;</p>\n");
    expect("&lt;script&gt; &#60;img&#62;", "<p>&lt;script&gt; &lt;img&gt;</p>\n");
    expect("`<a href=\"x\">`", "<p><code>&lt;a href=&quot;x&quot;&gt;</code></p>\n");
    expect("``` \"onmouseover=x\n<i>\n```",
           "<pre><code class=\"language-&quot;onmouseover=x\">&lt;i&gt;\n</code></pre>\n");
}

static void test_links_lose_other_schemes(void **state) {
    (void)state;
    static const char *const ATTACKS[] = {
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](javascript&#58;alert(1))",
        "[a](javascript&colon;alert(1))",
        "[a](java&#x0A;script:alert(1))",
        "[a](&#1;javascript:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "[a](vbscript:x)",
        "[a](file:///etc/passwd)",
        "[a](//evil.example)",
        "[a](/api/v1/x)",
        "[a](#x)",
        "[a]()",
        "[a][r]\n\n[r]: javascript:alert(1)",
        "[a](<javascript:alert(1)>)",
        "[a](http:evil)",
        "[a](https&#x3a;javascript)",
        "![a](https://evil.example/track.png)",
        "![a](javascript:alert(1))",
        "[![a](data:image/png;base64,x)](javascript:x)",
    };
    for (size_t i = 0; i < sizeof ATTACKS / sizeof *ATTACKS; i++) {
        scope_buf struct buf html = html_of(ATTACKS[i], strlen(ATTACKS[i]));
        assert_string_equal(buf_text(&html), "<p>a</p>\n");
    }
    expect("<javascript:alert(1)>", "<p>javascript:alert(1)</p>\n");
    expect("<ftp://example.com>", "<p>ftp://example.com</p>\n");
    expect("www.example.com/a", "<p>" A "\"http://www.example.com/a\">www.example.com/a</a></p>\n");
}

static void test_quotes_stay_inside_attributes(void **state) {
    (void)state;
    expect("[a](https://e.example/\"onclick=x)", "<p>" A "\"https://e.example/%22onclick=x\">a</a></p>\n");
    expect("[a](https://e.example 'x\" onclick=\"y')",
           "<p>" A "\"https://e.example\" title=\"x&quot; onclick=&quot;y\">a</a></p>\n");
    expect("[a](https://e.example '<a href=\"')",
           "<p>" A "\"https://e.example\" title=\"&lt;a href=&quot;\">a</a></p>\n");
}

static void test_long_text_comes_escaped(void **state) {
    (void)state;
    char *text = malloc(MARKDOWN_MAX_BYTES + 1);
    memset(text, '<', MARKDOWN_MAX_BYTES + 1);
    scope_buf struct buf html = html_of(text, MARKDOWN_MAX_BYTES + 1);
    assert_int_equal(html.len, 4 * (MARKDOWN_MAX_BYTES + 1) + strlen("<p></p>\n"));
    assert_memory_equal(html.data, "<p>&lt;&lt;", 11);
    free(text);
}

static void test_output_is_bounded(void **state) {
    (void)state;
    scope_buf struct buf small = {.limit = 8};
    assert_int_equal(markdown_to_html("a long text", 11, &small), ERR_INTERNAL);
    assert_true(small.failed);
}

static void test_any_bytes(void **state) {
    (void)state;
    static const char BYTES[] = "a\xff\xc3(\0b\xed\xa0\x80";
    scope_buf struct buf html = html_of(BYTES, sizeof BYTES - 1);
    assert_int_equal(strlen(html.data), html.len);
    assert_non_null(strstr(html.data, "\xef\xbf\xbd"));
    assert_null(strchr(html.data, '\xff'));
}

static double milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void fill(char *text, const char *head, const char *piece) {
    size_t at = strlen(head), len = strlen(piece);
    memcpy(text, head, at);
    for (; at < MARKDOWN_MAX_BYTES; at += len)
        memcpy(text + at, piece, at + len > MARKDOWN_MAX_BYTES ? MARKDOWN_MAX_BYTES - at : len);
}

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { WORST_MS = 250 };
#else
enum { WORST_MS = 50 };
#endif

static void test_hostile_texts_are_quick(void **state) {
    (void)state;
    static const char *const PIECES[][2] = {
        {"", "|"},
        {"", "|a"},
        {"|a|\n|-|\n", "||"},
        {"|a|\n|-|\n", "|\n"},
        {"", "|-|\n"},
        {"", "a|"},
        {"", "> "},
        {"", ">"},
        {"", "- "},
        {"", "[a]("},
        {"", "["},
        {"", "]"},
        {"", "![["},
        {"", "*a "},
        {"", "**a _b "},
        {"", "~a~~ "},
        {"", "`a``"},
        {"", "<"},
        {"", "<a "},
        {"", "<!--"},
        {"", "&#"},
        {"", "https://a"},
        {"", "www."},
        {"", "a@b.c_"},
        {"", "a@"},
        {"", "[a]: b\n"},
        {"", "- [ ] a\n"},
        {"", "1. \n"},
        {"", "[a\n"},
        {"", "://"},
        {"", "\\\n"},
        {"", "[x](https://a.b)"},
        {"", "\t- a\n"},
    };
    char text[MARKDOWN_MAX_BYTES];
    for (size_t i = 0; i < sizeof PIECES / sizeof *PIECES; i++) {
        fill(text, PIECES[i][0], PIECES[i][1]);
        double from = milliseconds();
        scope_buf struct buf html = html_of(text, sizeof text);
        double took = milliseconds() - from;
        if (took > WORST_MS / 5.0) print_message("%s%s...: %.1f ms\n", PIECES[i][0], PIECES[i][1], took);
        assert_true(took < WORST_MS);
        assert_true(html.len <= MARKDOWN_HTML_MAX_BYTES + 6 * sizeof text);
    }
}

/* As wide a table as fits: each short row is filled up to the width of the header. */
static void test_wide_table_is_quick(void **state) {
    (void)state;
    char text[MARKDOWN_MAX_BYTES];
    for (size_t columns = 2; columns <= 1600; columns += 1 + columns / 5) {
        size_t at = 0;
        for (size_t i = 0; i < columns; i++) at += (size_t)snprintf(text + at, 3, "|a");
        at += (size_t)snprintf(text + at, 3, "|\n");
        for (size_t i = 0; i < columns; i++) at += (size_t)snprintf(text + at, 3, "|-");
        at += (size_t)snprintf(text + at, 3, "|\n");
        while (at + 4 < sizeof text) at += (size_t)snprintf(text + at, 4, "|b\n");
        double from = milliseconds();
        scope_buf struct buf html = html_of(text, at);
        double took = milliseconds() - from;
        if (took > WORST_MS / 5.0) print_message("%zu columns: %.1f ms\n", columns, took);
        assert_true(took < WORST_MS);
        assert_true(html.len <= MARKDOWN_HTML_MAX_BYTES + 6 * sizeof text);
    }
}

static void *render_often(void *wrong) {
    static const char TEXT[] = "~~a~~ https://example.com |x|";
    for (int i = 0; i < 500; i++) {
        scope_buf struct buf html = {.limit = 4096};
        if (markdown_to_html(TEXT, sizeof TEXT - 1, &html) != OK ||
            strcmp(buf_text(&html), "<p><del>a</del> " A "\"https://example.com\">https://example.com</a> |x|</p>\n"))
            *(int *)wrong = 1;
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[8];
    int wrong[8] = {0};
    for (int i = 0; i < 8; i++) assert_int_equal(pthread_create(&threads[i], NULL, render_often, &wrong[i]), 0);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 8; i++) assert_int_equal(wrong[i], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renders),
        cmocka_unit_test(test_html_is_text),
        cmocka_unit_test(test_links_lose_other_schemes),
        cmocka_unit_test(test_quotes_stay_inside_attributes),
        cmocka_unit_test(test_long_text_comes_escaped),
        cmocka_unit_test(test_output_is_bounded),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_hostile_texts_are_quick),
        cmocka_unit_test(test_wide_table_is_quick),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
