#include "base/http_out.h"

#include <stdlib.h>

#include "base/config.h"
#include "tests/unit.h"

static void expect(const char *allow, bool wanted, const char *const *urls) {
    setenv("MDR_EGRESS_ALLOW", allow, 1);
    assert_int_equal(config_load(NULL), OK);
    for (; *urls; urls++) {
        const char *fault = http_out_url_fault(*urls);
        if (!fault != wanted) print_error("%s: %s\n", *urls, fault ? fault : "taken");
        assert_true(!fault == wanted);
    }
}

static void test_taken(void **state) {
    (void)state;
    expect("", true,
           (const char *const[]){"https://example.com", "https://example.com/",
                                 "HTTPS://EXAMPLE.com:443/a/b?c=d&e=%20f", "https://example.com:1024/",
                                 "https://example.com:65535/", "https://8.8.8.8/", "https://[2606:4700::1111]/",
                                 "https://xn--r8jz45g.jp/", "https://a_b.example.com/", NULL});
    expect("127.0.0.0/8", true,
           (const char *const[]){"http://127.0.0.1/", "http://127.1:8080/x", "http://localhost:8080/",
                                 "https://127.0.0.1/", NULL});
}

static void test_refused(void **state) {
    (void)state;
    expect("", false,
           (const char *const[]){"",
                                 "https",
                                 "https:",
                                 "https://",
                                 "https:///example.com",
                                 "https:/example.com",
                                 "//example.com/",
                                 "example.com",
                                 "http://example.com/",
                                 "http://127.0.0.1/",
                                 "ftp://example.com/",
                                 "file:///etc/passwd",
                                 "gopher://x/",
                                 "javascript:alert(1)",
                                 "smtp://example.com/",
                                 "https://u@example.com/",
                                 "https://u:p@example.com/",
                                 "https://:p@example.com/",
                                 "https://example.com/#f",
                                 "https://exa mple.com/",
                                 "https://example.com/\r\nX: y",
                                 "https://example.com\\@8.8.8.8/",
                                 "https://ex\xc3\xa4mple.com/",
                                 "https://example.com:0/",
                                 "https://example.com:22/",
                                 "https://example.com:80/",
                                 "https://example.com:65536/",
                                 "https://example.com:-1/",
                                 "https://example.com:x/",
                                 "https://127.0.0.1/",
                                 "https://2130706433/",
                                 "https://0x7f000001/",
                                 "https://0177.0.0.1/",
                                 "https://127.1/",
                                 "https://10.0.0.1:8443/",
                                 "https://169.254.169.254/",
                                 "https://0/",
                                 "https://[::1]/",
                                 "https://[::ffff:8.8.8.8]/",
                                 "https://[fe80::1%25lo]/",
                                 "https://[fe80::1%lo]/",
                                 "https://[::ffff:127.0.0.1]/",
                                 "https://[2002:7f00:1::]/",
                                 NULL});
    expect("127.0.0.0/8", false,
           (const char *const[]){"http://8.8.8.8:8080/", "https://10.0.0.1/", "http://127.0.0.1:443/", "https://[::1]/",
                                 NULL});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_taken), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
