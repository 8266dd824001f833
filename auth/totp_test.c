#include "auth/totp.h"

#include <stdio.h>

#include "tests/unit.h"

static const unsigned char rfc_secret[] = "12345678901234567890";
static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_free(&arena);
    return 0;
}

/* RFC 4226 appendix D. */
static void test_hotp_vectors(void **state) {
    (void)state;
    static const uint32_t codes[] = {755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489};
    for (int64_t i = 0; i < 10; i++) assert_int_equal(totp_code(rfc_secret, 20, i), codes[i]);
}

/* RFC 6238 appendix B, SHA-1: the last six of its eight digits. */
static void test_totp_vectors(void **state) {
    (void)state;
    static const struct {
        int64_t time_s;
        const char *code;
    } vectors[] = {{59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
                   {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        int64_t step = -1;
        assert_true(totp_check(rfc_secret, 20, vectors[i].code, vectors[i].time_s, &step));
        assert_int_equal(step, vectors[i].time_s / 30);
    }
}

static void test_window(void **state) {
    (void)state;
    int64_t step = -1, at = 1234567890 / 30;
    for (int64_t shift = -3; shift <= 3; shift++) {
        char code[16];
        snprintf(code, sizeof code, "%06u", totp_code(rfc_secret, 20, at + shift));
        bool near = shift >= -TOTP_WINDOW && shift <= TOTP_WINDOW;
        assert_int_equal(totp_check(rfc_secret, 20, code, 1234567890, &step), near);
        if (near) assert_int_equal(step, at + shift);
    }
}

static void test_bad_codes(void **state) {
    (void)state;
    static const char *const bad[] = {"",       "5924",    "05924",  "0005924", "005924 ",
                                      " 05924", "00592a",  "-05924", "+05924",  "\xef\xbc\x90\xef\xbc\x90",
                                      "005925", "005924\n"};
    int64_t step = -7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(totp_check(rfc_secret, 20, bad[i], 1234567890, &step));
    assert_int_equal(step, -7);
    assert_true(totp_check(rfc_secret, 20, "755224", 0, &step));
    assert_int_equal(step, 0);
}

/* RFC 4648 section 10. */
static void test_base32(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "MY"},
                                           {"fo", "MZXQ"},
                                           {"foo", "MZXW6"},
                                           {"foob", "MZXW6YQ"},
                                           {"fooba", "MZXW6YTB"},
                                           {"foobar", "MZXW6YTBOI"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_string_equal(totp_base32((const unsigned char *)pairs[i][0], strlen(pairs[i][0]), &arena), pairs[i][1]);
    }
}

static void test_uri(void **state) {
    (void)state;
    char *uri = totp_uri("MDR \xe6\x97\xa5\xe6\x9c\xac", "taro+a@x.jp&b=c", rfc_secret, 20, &arena);
    assert_string_equal(
        uri,
        "otpauth://totp/MDR%20%E6%97%A5%E6%9C%AC:taro%2Ba%40x.jp%26b%3Dc"
        "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=MDR%20%E6%97%A5%E6%9C%AC&algorithm=SHA1&digits=6&period=30");
}

static void test_new_secret(void **state) {
    (void)state;
    unsigned char a[TOTP_SECRET_BYTES], b[TOTP_SECRET_BYTES];
    totp_new_secret(a);
    totp_new_secret(b);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hotp_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_totp_vectors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_window, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_base32, setup, teardown),
        cmocka_unit_test_setup_teardown(test_uri, setup, teardown),
        cmocka_unit_test_setup_teardown(test_new_secret, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
