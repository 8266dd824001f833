#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keys.h"
#include "base/random.h"
#include "ledger/head.h"

static char folder[] = "/tmp/mdr-head-XXXXXX", heads[64], file[128], keys_file[64];

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(heads, sizeof heads, "%s/heads", folder);
    snprintf(file, sizeof file, "%s/a.json", heads);
    snprintf(keys_file, sizeof keys_file, "%s/keys.json", folder);
    return random_start() == OK && keys_load(keys_file, 1000000, NULL) == OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    unlink(file);
    unlink(keys_file);
    rmdir(heads);
    keys_forget();
    return rmdir(folder);
}

static const struct ledger_head head = {.position = 7, .time_ms = 2000000, .hash = "00ff"};

static void what_is_written_is_read(void **state) {
    (void)state;
    struct ledger_head read;
    struct stat st;
    assert_int_equal(head_read(heads, "a", &read), ERR_NOT_FOUND);
    assert_int_equal(head_write(heads, "a", &head), OK);
    assert_int_equal(head_write(heads, "a", &head), OK);
    assert_int_equal(head_read(heads, "a", &read), OK);
    assert_int_equal(read.position, 7);
    assert_string_equal(read.hash, "00ff");
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void put(const char *text) {
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void what_was_changed_is_refused(void **state) {
    (void)state;
    struct ledger_head read;
    char text[1024] = "";
    assert_int_equal(head_write(heads, "a", &head), OK);
    FILE *in = fopen(file, "r");
    assert_true(fread(text, 1, sizeof text - 1, in) > 0);
    fclose(in);
    *strchr(text, '7') = '6';
    put(text);
    assert_int_equal(head_read(heads, "a", &read), ERR_INVALID);
    static const char *const broken[] = {"", "{", "[]", "{\"client_id\": \"a\"}",
                                         "{\"client_id\":\"a\",\"position\":1,\"hash\":"
                                         "\"0000000000000000000000000000000000000000000000000000000000000000000000\","
                                         "\"time\":1,\"kid\":\"k\",\"mac\":\"m\"}"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        put(broken[i]);
        assert_int_equal(head_read(heads, "a", &read), ERR_INVALID);
    }
}

static void another_clients_head_is_refused(void **state) {
    (void)state;
    struct ledger_head read;
    char other[128];
    snprintf(other, sizeof other, "%s/b.json", heads);
    assert_int_equal(head_write(heads, "a", &head), OK);
    assert_int_equal(rename(file, other), 0);
    assert_int_equal(head_read(heads, "b", &read), ERR_INVALID);
    unlink(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_was_changed_is_refused),
        cmocka_unit_test(another_clients_head_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
