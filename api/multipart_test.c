#include "api/multipart.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit.h"

static struct {
    char text[65536];
    size_t len;
} seen;

static void note(const char *data, size_t len) {
    assert_true(seen.len + len < sizeof seen.text);
    memcpy(seen.text + seen.len, data, len);
    seen.len += len;
    seen.text[seen.len] = 0;
}

static void on_part(void *user, const struct multipart_part *part) {
    char line[2048] = "";
    (void)user;
    note(line, (size_t)snprintf(line, sizeof line, "<%s|%s|%s>", part->name, part->file_name, part->media_type));
}

static void on_data(void *user, const char *data, size_t len) {
    (void)user;
    assert_true(len > 0);
    note(data, len);
}

static enum multipart_state parse(const char *type, const char *body, size_t len, size_t step) {
    struct multipart m;
    seen.len = 0;
    seen.text[0] = 0;
    if (!multipart_start(&m, type)) return MULTIPART_BROKEN;
    m.on_part = on_part;
    m.on_data = on_data;
    for (size_t at = 0; at < len; at += step) multipart_feed(&m, body + at, len - at < step ? len - at : step);
    return m.state;
}

/* In one go and in all small steps: the same. */
static void expect(const char *body, size_t len, enum multipart_state state, const char *text) {
    for (size_t step = 1; step <= len; step = step < 12 ? step + 1 : step * 2 + 1) {
        assert_int_equal(parse("multipart/form-data; boundary=XX", body, len, step), state);
        assert_string_equal(seen.text, text);
    }
    assert_int_equal(parse("multipart/form-data; boundary=XX", body, len, len), state);
    assert_string_equal(seen.text, text);
}
#define EXPECT(body, state, text) expect(body, sizeof(body) - 1, state, text)
#define FILE_HEAD                                                                                                      \
    "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: text/plain\r\n\r\n"

static void parts_are_told_apart(void **state) {
    (void)state;
    EXPECT(FILE_HEAD "hello\r\n--XX\r\nContent-Disposition: form-data; name=meta\r\n\r\n{}\r\n--XX--\r\n",
           MULTIPART_END, "<file|a.bin|text/plain>hello<meta||>{}");
    EXPECT("preamble\r\n" FILE_HEAD "x\r\n--XX--epilogue\r\n--XX\r\n", MULTIPART_END, "<file|a.bin|text/plain>x");
    EXPECT(FILE_HEAD "\r\n--XX--", MULTIPART_END, "<file|a.bin|text/plain>");
    EXPECT("--XX--\r\n", MULTIPART_END, "");
}

static void data_may_look_like_a_delimiter(void **state) {
    (void)state;
    EXPECT(FILE_HEAD "\r\r\n\r\n-\r\n--\r\n--X\r\n--XY\r\r\n--XX--", MULTIPART_END,
           "<file|a.bin|text/plain>\r\r\n\r\n-\r\n--\r\n--X\r\n--XY\r");
    EXPECT(FILE_HEAD "--XX\r\n--XX--", MULTIPART_END, "<file|a.bin|text/plain>--XX");
    EXPECT(FILE_HEAD "\n--XX--\r\n--XX--", MULTIPART_END, "<file|a.bin|text/plain>\n--XX--");
}

static void a_cut_body_has_no_end(void **state) {
    (void)state;
    EXPECT(FILE_HEAD "hello", MULTIPART_DATA, "<file|a.bin|text/plain>hello");
    EXPECT(FILE_HEAD "hello\r\n--X", MULTIPART_DATA, "<file|a.bin|text/plain>hello");
    EXPECT(FILE_HEAD "hello\r\n--XX", MULTIPART_DELIMITED, "<file|a.bin|text/plain>hello");
    EXPECT(FILE_HEAD "hello\r\n--XX-", MULTIPART_DELIMITED, "<file|a.bin|text/plain>hello");
    EXPECT("--XX\r\nContent-Disp", MULTIPART_HEAD, "");
}

static void nonsense_is_broken(void **state) {
    (void)state;
    EXPECT("--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--", MULTIPART_BROKEN, "");
    EXPECT("--XX\r\n\r\nx\r\n--XX--", MULTIPART_BROKEN, "");
    EXPECT("--XXY\r\n\r\n", MULTIPART_BROKEN, "");
    EXPECT("--XX\r\nContent-Disposition: form-data; name=\"a\0b\"\r\n\r\n", MULTIPART_BROKEN, "");
    char *big = malloc(20000);
    assert_non_null(big);
    memset(big, 'a', 20000);
    memcpy(big, "--XX\r\n", 6);
    assert_int_equal(parse("multipart/form-data; boundary=XX", big, 20000, 1000), MULTIPART_BROKEN);
    free(big);
}

static void too_many_parts_are_broken(void **state) {
    (void)state;
    static char body[32768] = "";
    for (int i = 0; i < 101; i++) strcat(body, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n");
    assert_int_equal(parse("multipart/form-data; boundary=XX", body, strlen(body), 100), MULTIPART_BROKEN);
}

static void boundaries(void **state) {
    (void)state;
    static const char body[] =
        "--a b'()+_,-./:=?c\r\nContent-Disposition: form-data; name=x\r\n\r\ny\r\n--a b'()+_,-./:=?c--";
    assert_int_equal(parse("Multipart/Form-Data; charset=x; Boundary=\"a b'()+_,-./:=?c\"", body, sizeof body - 1, 7),
                     MULTIPART_END);
    assert_string_equal(seen.text, "<x||>y");
    struct multipart m;
    assert_false(multipart_start(&m, NULL));
    assert_false(multipart_start(&m, "multipart/form-data"));
    assert_false(multipart_start(&m, "multipart/form-data; boundary="));
    assert_false(multipart_start(&m, "multipart/form-data; boundary=\"a\rb\""));
    assert_false(multipart_start(&m, "multipart/mixed; boundary=x"));
    assert_true(multipart_start(
        &m, "multipart/form-data;boundary=1234567890123456789012345678901234567890123456789012345678901234567890"));
    assert_false(multipart_start(
        &m, "multipart/form-data;boundary=12345678901234567890123456789012345678901234567890123456789012345678901"));
}

static const char *name_of(const char *disposition) {
    char body[4096];
    snprintf(body, sizeof body, "--XX\r\nContent-Disposition: %s\r\n\r\n\r\n--XX--", disposition);
    parse("multipart/form-data; boundary=XX", body, strlen(body), 9);
    return seen.text;
}

static void file_names_of_real_clients(void **state) {
    (void)state;
    assert_string_equal(name_of("form-data; name=\"file\"; filename=\"調査 結果.pdf\""), "<file|調査 結果.pdf|>");
    assert_string_equal(name_of("form-data; name=\"file\"; filename*=utf-8''%E8%AA%BF.pdf"), "<file|調.pdf|>");
    assert_string_equal(name_of("form-data; name=\"file\"; filename=\"_.pdf\"; filename*=UTF-8'ja'%e8%aa%bf.pdf"),
                        "<file|調.pdf|>");
    assert_string_equal(name_of("form-data; name=\"file\"; filename=\"a.pdf\"; filename*=ISO-8859-1''%E8"),
                        "<file|a.pdf|>");
    assert_string_equal(name_of("form-data; name=\"file\"; filename=\"a.pdf\"; filename*=UTF-8''x%00y"),
                        "<file|a.pdf|>");
    assert_string_equal(name_of("form-data; name=\"file\"; filename=\"a\\\"b;c\\\\d.txt\""), "<file|a\"b;c\\d.txt|>");
    assert_string_equal(name_of("form-data; name=\"file\"; filename=\"C:\\dir\\x.txt\""), "<file|C:\\dir\\x.txt|>");
    assert_string_equal(name_of("FORM-DATA; filename=\"name=x\"; NAME = file"), "<file|name=x|>");
    assert_string_equal(name_of("form-data; name=file; filename=\"a%22b.txt\""), "<file|a%22b.txt|>");
    assert_string_equal(name_of("form-data; name=file; filename=\"unclosed"), "<file|unclosed|>");
    assert_string_equal(name_of("form-data; filename=x"), "<|x|>");
}

static void random_bytes_do_no_harm(void **state) {
    (void)state;
    static const char *const bits[] = {"\r\n",
                                       "--XX",
                                       "--",
                                       "\r",
                                       "Content-Disposition: form-data",
                                       "; name=",
                                       "\"",
                                       "\\",
                                       "file",
                                       ":",
                                       "filename*=utf-8''%E",
                                       "\r\n\r\n",
                                       "a",
                                       "%41",
                                       "=",
                                       ";"};
    uint32_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        char body[2048] = "--XX\r\n";
        for (int k = 0; k < 30; k++) {
            seed = seed * 1664525 + 1013904223;
            strcat(body, bits[seed >> 28]);
        }
        enum multipart_state whole = parse("multipart/form-data; boundary=XX", body, strlen(body), 4096);
        char *text = strdup(seen.text);
        assert_int_equal(parse("multipart/form-data; boundary=XX", body, strlen(body), 1 + (seed >> 8) % 5), whole);
        assert_string_equal(seen.text, text);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_told_apart),       cmocka_unit_test(data_may_look_like_a_delimiter),
        cmocka_unit_test(a_cut_body_has_no_end),      cmocka_unit_test(nonsense_is_broken),
        cmocka_unit_test(too_many_parts_are_broken),  cmocka_unit_test(boundaries),
        cmocka_unit_test(file_names_of_real_clients), cmocka_unit_test(random_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
