#include "base/egress.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "tests/unit.h"

static const char *const refused[] = {
    /* unspecified, loopback */
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.255.255.254",
    "::",
    "::1",
    /* private, shared, link-local, metadata */
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "100.100.100.200",
    "169.254.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "192.0.0.192",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    /* documentation, benchmarks, reserved, multicast, broadcast */
    "192.0.2.1",
    "198.51.100.7",
    "203.0.113.255",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "2001:db8::1",
    "3fff::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "5f00::1",
    /* IPv4 within IPv6: mapped, compatible, translated, NAT64 (both), 6to4, Teredo, ISATAP on link-local */
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "2001::1",
    "2001:0:7f00:1::1",
    "192.88.99.1",
    "fe80::5efe:7f00:1",
    /* protocol assignments; not assigned */
    "2001:10::1",
    "2001:20::1",
    "2001:2::1",
    "192.0.0.1",
    "4000::1",
    "e000::1",
    "1::1",
    /* no address */
    "",
    "localhost",
    "127.1",
    "0x7f.0.0.1",
    "2130706433",
    "127.0.0.1 ",
    "[::1]",
    "fe80::1%1",
    "example.com",
};

static const char *const public[] = {
    "1.1.1.1",         "8.8.8.8",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
    "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",     "172.15.255.255", "172.32.0.0",
    "191.255.255.255", "192.0.1.0",       "192.0.3.0",       "192.167.255.255", "192.169.0.0",    "198.17.255.255",
    "198.20.0.0",      "223.255.255.255", "2001:200::1",     "2001:4860::8888", "2003::1",        "2606:4700::1111",
    "2a00:1450::1",    "3ffe::1",
};

static struct sockaddr_storage sockaddr_of(const char *text) {
    struct sockaddr_storage out = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out;
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1)
        out.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1)
        out.ss_family = AF_INET6;
    return out;
}

static void expect(const char *text, const char *allow, enum egress wanted) {
    struct sockaddr_storage address = sockaddr_of(text);
    if (egress_of_text(text, allow) != wanted) print_error("%s with '%s'\n", text, allow);
    assert_int_equal(egress_of_text(text, allow), wanted);
    assert_int_equal(egress_of((const struct sockaddr *)&address, allow), wanted);
}

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) expect(refused[i], "", EGRESS_REFUSED);
}

static void test_public(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof public / sizeof *public; i++) expect(public[i], "", EGRESS_PUBLIC);
}

static void test_allowed(void **state) {
    (void)state;
    expect("127.0.0.1", "127.0.0.0/8", EGRESS_ALLOWED);
    expect("127.0.0.1", "10.0.0.0/8, 127.0.0.1", EGRESS_ALLOWED);
    expect("128.0.0.1", "127.0.0.0/8", EGRESS_PUBLIC);
    expect("10.0.0.1", "127.0.0.0/8", EGRESS_REFUSED);
    /* the same host by another form of address is not meant */
    expect("::ffff:127.0.0.1", "127.0.0.0/8", EGRESS_REFUSED);
    expect("::1", "127.0.0.0/8", EGRESS_REFUSED);
    expect("fd00::1", "fd00::/8", EGRESS_ALLOWED);
    expect("127.0.0.1", "127.0.0.0/x", EGRESS_REFUSED);
}

static void test_other_families(void **state) {
    (void)state;
    struct sockaddr_un unix_socket = {.sun_family = AF_UNIX, .sun_path = "/run/x"};
    assert_int_equal(egress_of((const struct sockaddr *)&unix_socket, "0.0.0.0/0, ::/0"), EGRESS_REFUSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused), cmocka_unit_test(test_public),
                                       cmocka_unit_test(test_allowed), cmocka_unit_test(test_other_families)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
