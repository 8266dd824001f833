#include "api/project.h"

#include "tests/unit.h"

#define MARK(text) "\x01" text "\x02"

static const char incident[] = "{\"incident_id\":\"i1\",\"update_time\":" MARK(
    "t500") ",\"description\":\"**b** "
            "<script>\\\"\\u0001\",\"attachments\":[" MARK("A") "],\"comments\":[" MARK("C") "],\"responses\":[" MARK(
                "R") "],\"was_read\":" MARK("i:me") ",\"client_"
                                                    "comment\":"
                                                    "\"}],"
                                                    "\\\"x"
                                                    "\"" MARK(
                                                        "x") ",\"counts\":{\"comments\":2},\"external_ref\":\"R\"}";
static const char comments[] = "{\"comment_id\":\"c1\",\"text\":\"*a*\",\"was_read\":" MARK(
    "c100:you") "},"
                "{\"comment_id\":\"c2\",\"text\":\"b\",\"was_read\":" MARK("c200:me") "}";
static const char attachments[] =
    "{\"attachment_id\":\"a1\",\"link\":\"" MARK("u") "/x\",\"was_read\":" MARK("a100:you")
        MARK("x") ",\"sha256\":\"ff\"},{\"attachment_id\":\"a2\",\"link\":\"\",\"was_read\":" MARK("a101:you") "}";

static struct slice slice(const char *text) { return (struct slice){text, strlen(text)}; }

static void expect(const struct projection *p, const char *body, const char *wanted) {
    scope_buf struct buf out;
    buf_init(&out, 10000);
    project(&out, slice(body), p);
    assert_string_equal(buf_text(&out), wanted);
}

static struct projection whole(void) {
    return (struct projection){
        .public_url = "http://h",
        .reading = {.reader_id = "me", .comments_upto = 100, .attachments_upto = 100},
        .comments = slice(comments),
        .attachments = slice(attachments),
    };
}

static void test_marks(void **state) {
    (void)state;
    struct projection p = whole();
    expect(&p, incident,
           "{\"incident_id\":\"i1\",\"update_time\":500,\"description\":\"**b** <script>\\\"\\u0001\",\"attachments\":["
           "{\"attachment_id\":\"a1\",\"link\":\"http://h/x\",\"was_read\":true},"
           "{\"attachment_id\":\"a2\",\"link\":\"\",\"was_read\":false}],\"comments\":["
           "{\"comment_id\":\"c1\",\"text\":\"*a*\",\"was_read\":true},{\"comment_id\":\"c2\",\"text\":\"b\",\"was_"
           "read\":true}],"
           "\"responses\":[],\"was_read\":true,\"client_comment\":\"}],\\\"x\"}");
}

static void test_unread(void **state) {
    (void)state;
    struct projection p = whole();
    p.reading.unread = true;
    p.reading.incident = true;
    expect(&p, "{\"was_read\":" MARK("i:me") "}", "{\"was_read\":false}");
    expect(&p, "{\"was_read\":" MARK("c1:me") "}", "{\"was_read\":false}");
}

static void test_reader(void **state) {
    (void)state;
    struct projection p = {.reading = {.reader_id = "you", .comments_upto = 99}};
    expect(&p, "{\"was_read\":" MARK("i:me") "}", "{\"was_read\":false}");
    expect(&p, "{\"was_read\":" MARK("c100:me") "}", "{\"was_read\":false}");
    expect(&p, "{\"was_read\":" MARK("c99:me") "}", "{\"was_read\":true}");
    expect(&p, "{\"was_read\":" MARK("r1:") "}", "{\"was_read\":false}");
    p.reading.incident = true;
    expect(&p, "{\"was_read\":" MARK("i:me") "}", "{\"was_read\":true}");
    p.reading.reader_id = "";
    p.reading.incident = false;
    expect(&p, "{\"was_read\":" MARK("i:") "}", "{\"was_read\":false}");
}

static void test_fields(void **state) {
    (void)state;
    const char *names[] = {"external_ref", "incident_id", "counts", "update_time"};
    struct strings fields = {.n = 4, .v = names};
    struct projection p = whole();
    p.fields = &fields;
    p.update_time_max = 400;
    expect(&p, incident,
           "{\"incident_id\":\"i1\",\"update_time\":400,\"counts\":{\"comments\":2},\"external_ref\":\"R\"}");
    fields.n = 0;
    p.comments = p.attachments = (struct slice){0};
    expect(&p, "{\"a\":1" MARK("x") ",\"b\":{\"c\":[1,2]}}", "{\"a\":1}");
}

static void test_html(void **state) {
    (void)state;
    struct projection p = whole();
    p.html = true;
    p.attachments = (struct slice){0};
    expect(
        &p, incident,
        "{\"incident_id\":\"i1\",\"update_time\":500,\"description\":\"<p><strong>b</strong> "
        "&lt;script&gt;&quot;\\u0001</p>\\n\","
        "\"attachments\":[],\"comments\":[{\"comment_id\":\"c1\",\"text\":\"<p><em>a</em></p>\\n\",\"was_read\":true},"
        "{\"comment_id\":\"c2\",\"text\":\"<p>b</p>\\n\",\"was_read\":true}],\"responses\":[],\"was_read\":true,"
        "\"client_comment\":\"<p>}],&quot;x</p>\\n\"}");
}

static void test_list(void **state) {
    (void)state;
    scope_buf struct buf out;
    struct projection p = whole();
    buf_init(&out, 1000);
    buf_addc(&out, '[');
    project_list(&out, slice(attachments), &p);
    project(&out, slice("{\"z\":1}"), &p);
    assert_string_equal(buf_text(&out), "[{\"attachment_id\":\"a1\",\"link\":\"http://h/x\",\"was_read\":true},"
                                        "{\"attachment_id\":\"a2\",\"link\":\"\",\"was_read\":false},{\"z\":1}");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_marks),  cmocka_unit_test(test_unread),
                                       cmocka_unit_test(test_reader), cmocka_unit_test(test_fields),
                                       cmocka_unit_test(test_html),   cmocka_unit_test(test_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
