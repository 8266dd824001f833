/* Composition and refusals; what a server makes of the messages is tested against a real one. Attacks: line breaks
 * and other controls in each header, addresses that carry a second one, options or names, invalid UTF-8, URLs with
 * more than a host. */
#include "base/mail.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit.h"

static const struct mail PLAIN = {.from = "mdr@example.com",
                                  .to = "soc@example.jp",
                                  .subject = "[Incident] MDR report K-7",
                                  .text = "Hello\n.\nline",
                                  .date_s = 1795305600,
                                  .message_id = "<1@example.com>"};

static struct buf compose(const struct mail *mail) {
    struct buf out;
    buf_init(&out, 8 << 20);
    assert_int_equal(mail_compose(mail, &out), OK);
    return out;
}

static void refused(struct mail mail) {
    scope_buf struct buf out = {.limit = 1 << 20};
    assert_int_equal(mail_compose(&mail, &out), ERR_INVALID);
    assert_int_equal(out.len, 0);
}

static void test_plain(void **state) {
    (void)state;
    scope_buf struct buf out = compose(&PLAIN);
    assert_string_equal(out.data,
                        "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\nFrom: mdr@example.com\r\nTo: soc@example.jp\r\n"
                        "Subject: [Incident] MDR report K-7\r\nMessage-ID: <1@example.com>\r\n"
                        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                        "SGVsbG8NCi4NCmxpbmU=\r\n");
}

static void test_japanese_subject(void **state) {
    (void)state;
    struct mail mail = PLAIN;
    mail.subject = "新しいインシデント K-7：ランサムウェアの疑い、至急ご確認ください";
    mail.from_name = "MDR 通知";
    scope_buf struct buf out = compose(&mail);
    assert_non_null(strstr(out.data, "Subject: =?UTF-8?B?"));
    assert_non_null(strstr(out.data, "?=\r\n =?UTF-8?B?"));
    assert_non_null(strstr(out.data, "From: =?UTF-8?B?TURSIOmAmuefpQ==?=\r\n <mdr@example.com>\r\n"));
    for (const char *line = out.data; *line;) {
        size_t len = strcspn(line, "\r");
        assert_true(len <= 90);
        line += len + 2;
    }
    for (size_t i = 0; i < out.len; i++) assert_true((unsigned char)out.data[i] < 0x80);
}

static void test_attachment(void **state) {
    (void)state;
    struct mail mail = PLAIN;
    mail.attachment_name = "報告書 \"K-7\".pdf";
    mail.attachment_type = "application/pdf";
    mail.attachment = "%PDF";
    mail.attachment_bytes = 4;
    scope_buf struct buf out = compose(&mail);
    assert_non_null(strstr(out.data, "filename*=UTF-8''%E5%A0%B1%E5%91%8A%E6%9B%B8%20%22K-7%22.pdf\r\n"));
    assert_non_null(strstr(out.data, "\r\n\r\nJVBERg==\r\n--=_"));
    mail.attachment_name = "K-7.pdf";
    scope_buf struct buf plain = compose(&mail);
    assert_non_null(strstr(plain.data, "attachment;\r\n filename=\"K-7.pdf\"\r\n"));
}

static void test_ids_differ(void **state) {
    (void)state;
    struct mail mail = PLAIN;
    mail.message_id = NULL;
    scope_buf struct buf one = compose(&mail), two = compose(&mail);
    assert_non_null(strstr(one.data, "@example.com>\r\n"));
    assert_string_not_equal(one.data, two.data);
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const EVIL[] = {"a\r\nBcc: x@example.com",
                                       "a\nb",
                                       "a\rb",
                                       "a\x7f",
                                       "a\x01",
                                       "a\xff",
                                       "a\xc2\x85"
                                       "b",
                                       "a\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof EVIL / sizeof *EVIL; i++) {
        struct mail m = PLAIN;
        m.attachment_type = "application/pdf";
        m.subject = EVIL[i], refused(m), m.subject = PLAIN.subject;
        m.from_name = EVIL[i], refused(m), m.from_name = NULL;
        m.from = EVIL[i], refused(m), m.from = PLAIN.from;
        m.to = EVIL[i], refused(m), m.to = PLAIN.to;
        m.message_id = EVIL[i], refused(m), m.message_id = NULL;
        m.attachment_name = EVIL[i], refused(m);
        m.attachment_name = "a.pdf", m.attachment_type = EVIL[i], refused(m);
    }
    struct mail m = PLAIN;
    m.text = "\xff", refused(m), m.text = NULL, refused(m);
}

static void test_limit(void **state) {
    (void)state;
    scope_buf struct buf out = {.limit = 100};
    assert_int_equal(mail_compose(&PLAIN, &out), ERR_INTERNAL);
}

static void test_addresses(void **state) {
    (void)state;
    static const char *const GOOD[] = {"a@b", "first.last+tag@sub.example.co.jp", "o'neil@example.com", "x@localhost",
                                       "1@1.example"};
    static const char *const BAD[] = {"",
                                      "a",
                                      "@b",
                                      "a@",
                                      "a@b@c",
                                      "a b@c",
                                      "a@b c",
                                      "<a@b>",
                                      "a@b>",
                                      "A <a@b>",
                                      "a@b,c@d",
                                      "a@b;c",
                                      "\"a\"@b",
                                      "a..b@c",
                                      ".a@b",
                                      "a.@b",
                                      "a@-b",
                                      "a@b-",
                                      "a@b..c",
                                      "a@b.",
                                      "a@[127.0.0.1]",
                                      "a@b\r\nRCPT TO:<c@d>",
                                      "a@b\n",
                                      "a(c)@b",
                                      "山田@example.jp",
                                      "a@例え.jp",
                                      "a\t@b",
                                      "a@b SIZE=1"};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) assert_true(mail_address_ok(GOOD[i]));
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) assert_false(mail_address_ok(BAD[i]));
    assert_false(mail_address_ok(NULL));
    char longest[300];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 65, "@b", 3);
    assert_false(mail_address_ok(longest));
    assert_true(mail_address_ok(longest + 1));
}

/* --- a small server that says what a test wants --- */

struct fake {
    int listener;
    const char *rcpt_reply, *data_reply;
    char got[4096];
};

static void *serve(void *user) {
    struct fake *fake = user;
    int fd = accept(fake->listener, NULL, NULL);
    FILE *in = fdopen(fd, "r");
    char line[1024];
    bool data = false;
    dprintf(fd, "220 fake\r\n");
    while (in && fgets(line, sizeof line, in)) {
        strncat(fake->got, line, sizeof fake->got - strlen(fake->got) - 1);
        if (data && strcmp(line, ".\r\n")) continue;
        if (data)
            dprintf(fd, "%s\r\n", fake->data_reply), data = false;
        else if (!strncmp(line, "RCPT", 4))
            dprintf(fd, "%s\r\n", fake->rcpt_reply);
        else if (!strncmp(line, "DATA", 4))
            dprintf(fd, "354 go\r\n"), data = true;
        else if (!strncmp(line, "QUIT", 4))
            break;
        else
            dprintf(fd, "250 ok\r\n");
    }
    if (in) fclose(in);
    return NULL;
}

static enum err send_to_fake(struct fake *fake, bool tls, bool *permanent) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    fake->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fake->listener, 1), 0);
    getsockname(fake->listener, (struct sockaddr *)&address, &size);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, serve, fake), 0);
    char url[64], why[256];
    snprintf(url, sizeof url, "smtp://127.0.0.1:%d", ntohs(address.sin_port));
    scope_buf struct buf message = compose(&PLAIN);
    enum err e = mail_send(&(struct mail_server){.url = url, .require_tls = tls}, PLAIN.from, PLAIN.to, &message, why,
                           sizeof why, permanent);
    assert_int_equal(e == OK, !*why);
    pthread_join(thread, NULL);
    close(fake->listener);
    return e;
}

static void test_send(void **state) {
    (void)state;
    bool permanent;
    struct fake good = {.rcpt_reply = "250 ok", .data_reply = "250 queued"};
    assert_int_equal(send_to_fake(&good, false, &permanent), OK);
    assert_non_null(strstr(good.got, "MAIL FROM:<mdr@example.com>"));
    assert_non_null(strstr(good.got, "RCPT TO:<soc@example.jp>\r\n"));
    assert_non_null(strstr(good.got, "SGVsbG8NCi4NCmxpbmU=\r\n"));
    struct fake unknown = {.rcpt_reply = "550 no such user", .data_reply = ""};
    assert_int_equal(send_to_fake(&unknown, false, &permanent), ERR_UNAVAILABLE);
    assert_true(permanent);
    struct fake busy = {.rcpt_reply = "450 later", .data_reply = ""};
    assert_int_equal(send_to_fake(&busy, false, &permanent), ERR_UNAVAILABLE);
    assert_false(permanent);
    struct fake spam = {.rcpt_reply = "250 ok", .data_reply = "554 no"};
    assert_int_equal(send_to_fake(&spam, false, &permanent), ERR_UNAVAILABLE);
    assert_true(permanent);
    struct fake full = {.rcpt_reply = "250 ok", .data_reply = "452 full"};
    assert_int_equal(send_to_fake(&full, false, &permanent), ERR_UNAVAILABLE);
    assert_false(permanent);
    struct fake plain = {.rcpt_reply = "250 ok", .data_reply = "250 ok"};
    assert_int_equal(send_to_fake(&plain, true, &permanent), ERR_UNAVAILABLE);
    assert_false(permanent);
    assert_null(strstr(plain.got, "MAIL"));
}

static void test_send_refuses(void **state) {
    (void)state;
    static const char *const URLS[] = {"http://127.0.0.1", "file:///etc/passwd", "smtp://", "smtp://u:p@h",
                                       "smtp://h/x",       "smtp://h?x",         "h:25",    NULL};
    scope_buf struct buf message = compose(&PLAIN);
    char why[64];
    bool permanent;
    for (size_t i = 0; i < sizeof URLS / sizeof *URLS; i++)
        assert_int_equal(
            mail_send(&(struct mail_server){.url = URLS[i]}, "a@b", "c@d", &message, why, sizeof why, &permanent),
            ERR_INVALID);
    assert_int_equal(mail_send(&(struct mail_server){.url = "smtp://127.0.0.1:1"}, "a@b", "c@d>\r\nX", &message, why,
                               sizeof why, &permanent),
                     ERR_INVALID);
    assert_int_equal(mail_send(&(struct mail_server){.url = "smtp://127.0.0.1:1"}, "a@b", "c@d", &message, why,
                               sizeof why, &permanent),
                     ERR_UNAVAILABLE);
    assert_false(permanent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),        cmocka_unit_test(test_japanese_subject),
        cmocka_unit_test(test_attachment),   cmocka_unit_test(test_ids_differ),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_limit),
        cmocka_unit_test(test_addresses),    cmocka_unit_test(test_send),
        cmocka_unit_test(test_send_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
