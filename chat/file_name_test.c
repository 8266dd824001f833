#include "chat/file_name.h"

#include <unistr.h>

#include "tests/unit.h"

static const char *clean(const char *raw) {
    static char out[FILE_NAME_BYTES];
    file_name_clean(raw, out);
    return out;
}

static void names_survive(void **state) {
    (void)state;
    assert_string_equal(clean("report.pdf"), "report.pdf");
    assert_string_equal(clean("調査結果 (最終版).pdf"), "調査結果 (最終版).pdf");
    assert_string_equal(clean(".bashrc"), ".bashrc");
    assert_string_equal(clean("a\"b.txt"), "a\"b.txt");
    assert_string_equal(clean("100%.txt"), "100%.txt");
    assert_string_equal(clean("50%20off%2fx.txt"), "50%20off%2fx.txt");
    assert_string_equal(clean("家族👨‍👩‍👧.png"), "家族👨‍👩‍👧.png");
}

static void becomes_nfc(void **state) {
    (void)state;
    assert_string_equal(clean("か\u3099.txt"), "が.txt");
    assert_string_equal(clean("e\u0301.txt"), "é.txt");
}

static void paths_go(void **state) {
    (void)state;
    assert_string_equal(clean("../../etc/passwd"), "passwd");
    assert_string_equal(clean("C:\\Users\\hanako\\結果.txt"), "結果.txt");
    assert_string_equal(clean("a/..\\b"), "b");
    assert_string_equal(clean(".."), "file");
    assert_string_equal(clean("x/"), "file");
    assert_string_equal(clean(""), "file");
    assert_string_equal(clean("  .  "), "file");
    assert_string_equal(clean("name. . "), "name");
    assert_string_equal(clean("%E8%AA%BF%2F%E6%9F%BB.txt"), "査.txt");
}

static void hidden_characters_go(void **state) {
    (void)state;
    assert_string_equal(clean("a\r\nb\tc\x7f.txt"), "abc.txt");
    assert_string_equal(clean("a%0D%0Ab%22.txt"), "ab\".txt");
    assert_string_equal(clean("invoice\u202Efdp.exe"), "invoicefdp.exe");
    assert_string_equal(clean("\u2066x\u2069\u200E\u061C\uFEFF\u2028.txt"), "x.txt");
    assert_string_equal(clean("a\xc2\x85"
                              "b"),
                        "ab");
}

static void percent_forms_of_utf8_are_decoded(void **state) {
    (void)state;
    assert_string_equal(clean("%E8%AA%BF%E6%9F%BB.pdf"), "調査.pdf");
    assert_string_equal(clean("%FF%FE.pdf"), "%FF%FE.pdf");
    assert_string_equal(clean("%00.pdf"), "%00.pdf");
    assert_string_equal(clean("%E8%AA%BF%E2%80%AE.pdf"), "調.pdf");
}

static void wrong_bytes_become_underscores(void **state) {
    (void)state;
    assert_string_equal(clean("\x92\xb2.txt"), "__.txt");
    assert_string_equal(clean("a\xed\xa0\x80z"), "a___z");
    assert_string_equal(clean("a\xc0\xafz"), "a__z");
}

static void long_names_keep_their_extension(void **state) {
    (void)state;
    char raw[1100] = "";
    for (int i = 0; i < 200; i++) strcat(raw, "査");
    strcat(raw, ".pdf");
    const char *name = clean(raw);
    assert_true(strlen(name) <= FILE_NAME_MAX);
    assert_true(strlen(name) > FILE_NAME_MAX - 3);
    assert_string_equal(name + strlen(name) - 4, ".pdf");
    assert_null(u8_check((const uint8_t *)name, strlen(name)));
    memset(raw, 'a', 255);
    raw[255] = 0;
    assert_int_equal(strlen(clean(raw)), 255);
    memset(raw, 'a', 1000);
    raw[1000] = 0;
    assert_int_equal(strlen(clean(raw)), 255);
}

static void any_bytes_come_out_harmless(void **state) {
    (void)state;
    uint32_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        char raw[64];
        size_t len = 0;
        for (size_t n = seed % 60; len < n; len++) {
            seed = seed * 1664525 + 1013904223;
            raw[len] = (char)(seed >> 24 ? seed >> 24 : 1);
        }
        seed = seed * 1664525 + 1013904223;
        raw[len] = 0;
        const char *name = clean(raw);
        assert_true(*name && strlen(name) <= FILE_NAME_MAX);
        assert_null(u8_check((const uint8_t *)name, strlen(name)));
        assert_null(strpbrk(name, "/\\\r\n\t\x7f"));
    }
}

static void disposition_has_both_names(void **state) {
    (void)state;
    scope_buf struct buf out;
    buf_init(&out, 4096);
    content_disposition(&out, "attachment", "調査 1.pdf");
    assert_string_equal(buf_text(&out),
                        "attachment; filename=\"__ 1.pdf\"; filename*=UTF-8''%E8%AA%BF%E6%9F%BB%201.pdf");
    buf_reset(&out);
    content_disposition(&out, "attachment", "a\"b'%(;).txt");
    assert_string_equal(buf_text(&out),
                        "attachment; filename=\"a_b'_(;).txt\"; filename*=UTF-8''a%22b%27%25%28%3B%29.txt");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_survive),
        cmocka_unit_test(becomes_nfc),
        cmocka_unit_test(paths_go),
        cmocka_unit_test(hidden_characters_go),
        cmocka_unit_test(percent_forms_of_utf8_are_decoded),
        cmocka_unit_test(wrong_bytes_become_underscores),
        cmocka_unit_test(long_names_keep_their_extension),
        cmocka_unit_test(any_bytes_come_out_harmless),
        cmocka_unit_test(disposition_has_both_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
