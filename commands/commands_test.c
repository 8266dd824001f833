#include "commands/commands.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit.h"

static char said[64 * 1024], printed[64 * 1024];

static void read_all(FILE *in, char *out) {
    rewind(in);
    out[fread(out, 1, sizeof said - 1, in)] = 0;
    fclose(in);
}

/* Runs the program in this process and keeps what it wrote. Words are separated by blanks. */
static int run(const char *line) {
    char words[512], *argv[32] = {(char *)"mdr-gateway"}, *rest = words;
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    while (rest && *rest) argv[argc++] = strsep(&rest, " ");
    FILE *out = tmpfile(), *err = tmpfile();
    fflush(stdout);
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    int code = commands_main(argc, argv);
    fflush(stdout);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(saved_out);
    close(saved_err);
    read_all(out, printed);
    read_all(err, said);
    return code;
}

static void wrong_usage_is_2_and_named(void **state) {
    (void)state;
    static const struct {
        const char *line, *said;
    } cases[] = {
        {"", "Usage:"},
        {"frobnicate", "no such command: frobnicate"},
        {"client", "no such command: client"},
        {"client destroy", "no such command: client"},
        {"serve --demon", "unknown option --demon"},
        {"serve --demo=yes", "takes no value"},
        {"serve demo", "unexpected: demo"},
        {"token", "missing --client"},
        {"token --client", "needs a value: --client"},
        {"token --client=", "empty value for --client"},
        {"token --client a --client b", "given twice: --client"},
        {"demo --client a --assets x --incidents 1", "--assets takes a number from 0 to 10000000, not x"},
        {"demo --client a --assets 10000001 --incidents 1", "--assets takes a number"},
        {"demo --client a --assets -1 --incidents 1", "--assets takes a number"},
        {"--config /nonexistent config", "/nonexistent"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(run(cases[i].line), EXIT_USAGE);
        if (!strstr(said, cases[i].said)) print_message("%s: %s\n", cases[i].line, said);
        assert_non_null(strstr(said, cases[i].said));
        assert_string_equal(printed, "");
    }
}

static void every_command_has_help(void **state) {
    (void)state;
    assert_int_equal(run("--help"), EXIT_DONE);
    assert_non_null(strstr(printed, "MDR_LISTEN"));
    const char *const names[] = {
        "serve",       "work",          "migrate", "demo",   "token", "client create", "connection create",
        "user create", "ledger verify", "config",  "version"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s --help", names[i]);
        assert_int_equal(run(line), EXIT_DONE);
        assert_non_null(strstr(printed, names[i]));
    }
}

static void data_is_json_on_stdout(void **state) {
    (void)state;
    const char *const lines[] = {"version", "--version", "config"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_int_equal(run(lines[i]), EXIT_DONE);
        json_t *data = json_loads(printed, JSON_REJECT_DUPLICATES, NULL);
        assert_true(json_is_object(data));
        json_decref(data);
    }
    assert_int_equal(run("config --markdown"), EXIT_DONE);
    assert_non_null(strstr(printed, "| `MDR_LISTEN` |"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_usage_is_2_and_named),
        cmocka_unit_test(every_command_has_help),
        cmocka_unit_test(data_is_json_on_stdout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
