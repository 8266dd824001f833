#include "base/log.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit.h"

static FILE *lines;

static int open_log(void **state) {
    (void)state;
    lines = tmpfile();
    log_to(fileno(lines));
    log_set_level(LOG_LEVEL_INFO);
    return !lines;
}

static int close_log(void **state) {
    (void)state;
    log_to(-1);
    return fclose(lines);
}

static json_t *next_line(void) {
    static char line[128 * 1024];
    return fgets(line, sizeof line, lines) ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static const char *member(const json_t *event, const char *key) {
    return json_string_value(json_object_get(event, key));
}

static void writes_typed_fields(void **state) {
    (void)state;
    LOG(WARN, "a_thing", log_s("text", "say \"ja\"\n"), log_i("n", -5), log_b("on", true), log_f("share", 0.5),
        log_s("none", NULL));
    rewind(lines);
    json_t *e = next_line();
    assert_non_null(e);
    assert_string_equal(member(e, "event"), "a_thing");
    assert_string_equal(member(e, "level"), "warn");
    assert_string_equal(member(e, "text"), "say \"ja\"\n");
    assert_int_equal(strlen(member(e, "time")), 24);
    assert_int_equal(json_integer_value(json_object_get(e, "n")), -5);
    assert_true(json_is_true(json_object_get(e, "on")));
    assert_true(json_real_value(json_object_get(e, "share")) == 0.5);
    assert_true(json_is_null(json_object_get(e, "none")));
    json_decref(e);
}

static void survives_hostile_bytes(void **state) {
    (void)state;
    LOG(ERROR, "bytes", log_s("a", "\xff\xc3(\xe0\x80\x80"), log_s("b", "\x1b[31m\x7f\xc2\x9b"), log_s("c", "日本"));
    rewind(lines);
    json_t *e = next_line();
    assert_non_null(e);
    assert_string_equal(member(e, "a"), "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(member(e, "b"), "\x1b[31m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(member(e, "c"), "日本");
    json_decref(e);
}

static void cuts_long_values(void **state) {
    (void)state;
    char *text = calloc(1, 100001);
    memset(text, '\x01', 100000);
    LOG(INFO, "long", log_s("text", text));
    free(text);
    rewind(lines);
    json_t *e = next_line();
    assert_non_null(e);
    assert_true(strlen(member(e, "text")) < 3000);
    json_decref(e);
}

static void is_silent_below_the_level(void **state) {
    (void)state;
    errno = ENOENT;
    LOG(DEBUG, "hidden");
    LOG(INFO, "shown", log_errno());
    assert_int_equal(errno, ENOENT);
    rewind(lines);
    json_t *e = next_line();
    assert_string_equal(member(e, "event"), "shown");
    assert_string_equal(member(e, "error"), "No such file or directory");
    json_decref(e);
    assert_null(next_line());
}

static void *write_many(void *arg) {
    for (int i = 0; i < 200; i++) LOG(INFO, "thread", log_s("who", arg), log_i("i", i));
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state) {
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, write_many, (char *[]){"a", "b", "c", "d"}[i]);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    rewind(lines);
    int n = 0;
    for (json_t *e; (e = next_line()); json_decref(e)) n++;
    assert_int_equal(n, 800);
}

static void knows_level_names(void **state) {
    (void)state;
    enum log_level level = LOG_LEVEL_INFO;
    assert_true(log_parse_level("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_parse_level("verbose", &level));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_typed_fields, open_log, close_log),
        cmocka_unit_test_setup_teardown(survives_hostile_bytes, open_log, close_log),
        cmocka_unit_test_setup_teardown(cuts_long_values, open_log, close_log),
        cmocka_unit_test_setup_teardown(is_silent_below_the_level, open_log, close_log),
        cmocka_unit_test_setup_teardown(lines_of_threads_do_not_mix, open_log, close_log),
        cmocka_unit_test(knows_level_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
