#include "base/config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit.h"

extern char **environ;

static int forget_environment(void **state) {
    (void)state;
    for (char **e = environ; *e;) {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(*e, "="), *e);
        if (!strncmp(name, "MDR_", 4))
            unsetenv(name);
        else
            e++;
    }
    return 0;
}

static char *temporary(const char *text) {
    static char path[64];
    strcpy(path, "/tmp/config_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

/* Loads and gives back what was said on stderr. */
static enum err load(const char *file, char *said, size_t size) {
    FILE *out = tmpfile();
    int stderr_copy = dup(STDERR_FILENO);
    dup2(fileno(out), STDERR_FILENO);
    enum err e = config_load(file);
    dup2(stderr_copy, STDERR_FILENO);
    close(stderr_copy);
    rewind(out);
    said[fread(said, 1, size - 1, out)] = 0;
    fclose(out);
    return e;
}

static void has_defaults(void **state) {
    (void)state;
    char here[4096], expected[4200];
    assert_int_equal(config_load(NULL), OK);
    assert_string_equal(config()->listen, "127.0.0.1:8080");
    assert_string_equal(config()->public_url, "http://127.0.0.1:8080");
    assert_string_equal(config()->database_url, "");
    assert_int_equal(config()->pool_connections, 8);
    assert_true(config()->rate_per_session > 0 && config()->rate_per_address > 0);
    assert_true(config()->workers);
    snprintf(expected, sizeof expected, "%s/data", getcwd(here, sizeof here));
    assert_string_equal(config()->data_dir, expected);
    strcat(expected, "/keys.json");
    assert_string_equal(config()->key_file, expected);
}

static void environment_wins_over_file(void **state) {
    (void)state;
    setenv("MDR_POOL_CONNECTIONS", "3", 1);
    char *file = temporary(
        "# comment\n\n MDR_POOL_CONNECTIONS = 5\nMDR_MAIL_FROM=\"a@b.jp\"\r\nMDR_WORKERS=off\nMDR_DATA_DIR=/d\n");
    assert_int_equal(config_load(file), OK);
    unlink(file);
    assert_int_equal(config()->pool_connections, 3);
    assert_string_equal(config()->mail_from, "a@b.jp");
    assert_false(config()->workers);
    assert_string_equal(config()->key_file, "/d/keys.json");
    config_set_data_dir("/elsewhere");
    assert_string_equal(config()->key_file, "/elsewhere/keys.json");
}

static void secrets_come_from_files(void **state) {
    (void)state;
    setenv("MDR_DATABASE_URL_FILE", temporary("host=/x password='p w'\n"), 1);
    assert_int_equal(config_load(NULL), OK);
    unlink(getenv("MDR_DATABASE_URL_FILE"));
    assert_string_equal(config()->database_url, "host=/x password='p w'");
    char *json = config_json();
    assert_null(strstr(json, "p w"));
    json_t *all = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    assert_string_equal(json_string_value(json_object_get(all, "MDR_DATABASE_URL")), "***");
    json_decref(all);
    free(json);
}

static void every_mistake_is_named(void **state) {
    (void)state;
    char said[4096];
    setenv("MDR_LISTEN", "8080", 1);
    setenv("MDR_POOL_CONNECTIONS", "0", 1);
    setenv("MDR_CONNECTION_LIMIT", "1e3", 1);
    setenv("MDR_LOG_LEVEL", "loud", 1);
    setenv("MDR_WORKERS", "yes", 1);
    setenv("MDR_SMTP_URL", "smtp://h:25", 1);
    setenv("MDR_SMTP_URL_FILE", "/nonexistent", 1);
    assert_int_equal(load(NULL, said, sizeof said), ERR_INVALID);
    const char *const names[] = {"MDR_LISTEN: takes host:port, not '8080'",
                                 "MDR_POOL_CONNECTIONS: takes a number from 3",
                                 "MDR_CONNECTION_LIMIT",
                                 "MDR_LOG_LEVEL",
                                 "MDR_WORKERS: takes on or off",
                                 "MDR_SMTP_URL: is given twice",
                                 "MDR_SMTP_URL: cannot read"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_non_null(strstr(said, names[i]));
}

static void a_file_with_unknown_names_is_refused(void **state) {
    (void)state;
    char said[4096];
    char *file = temporary("MDR_LISTEM=1\nnonsense\n");
    assert_int_equal(load(file, said, sizeof said), ERR_INVALID);
    unlink(file);
    assert_non_null(strstr(said, ":1: no such setting 'MDR_LISTEM'"));
    assert_non_null(strstr(said, ":2: not of the form"));
    assert_int_equal(load("/nonexistent/file", said, sizeof said), ERR_INVALID);
}

static void unknown_variables_are_warned_of(void **state) {
    (void)state;
    char said[4096];
    setenv("MDR_LISTEM", "x", 1);
    assert_int_equal(load(NULL, said, sizeof said), OK);
    assert_non_null(strstr(said, "MDR_LISTEM"));
}

static void parses_addresses(void **state) {
    (void)state;
    struct address a;
    assert_true(address_parse("[::1]:65535", &a));
    assert_string_equal(a.host, "::1");
    assert_int_equal(a.port, 65535);
    assert_true(address_parse("localhost:0", &a));
    assert_string_equal(a.host, "localhost");
    const char *const bad[] = {"", ":80", "host", "host:", "host:65536", "::1:80", "host:8 0", "[]:80", "host:-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(address_parse(bad[i], &a));
}

static void help_names_every_setting(void **state) {
    (void)state;
    char *help = config_help(), *markdown = config_markdown();
#define NAMED(member, name, ...)                                                                                       \
    assert_non_null(strstr(help, name));                                                                               \
    assert_non_null(strstr(markdown, "| `" name "` |"));
    CONFIG_TABLE(NAMED, NAMED, NAMED, NAMED, NAMED, NAMED, NAMED, NAMED)
    free(help);
    free(markdown);
}

static void the_readme_has_the_table(void **state) {
    (void)state;
    static char readme[1 << 20];
    FILE *in = fopen("README.md", "re");
    if (!in) skip();
    readme[fread(readme, 1, sizeof readme - 1, in)] = 0;
    fclose(in);
    char *markdown = config_markdown();
    if (!strstr(readme, markdown)) print_message("put the output of `mdr-gateway config --markdown` into README.md\n");
    assert_non_null(strstr(readme, markdown));
    free(markdown);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, forget_environment, forget_environment)
    const struct CMUnitTest tests[] = {
        CASE(has_defaults),
        CASE(environment_wins_over_file),
        CASE(secrets_come_from_files),
        CASE(every_mistake_is_named),
        CASE(a_file_with_unknown_names_is_refused),
        CASE(unknown_variables_are_warned_of),
        CASE(parses_addresses),
        CASE(help_names_every_setting),
        CASE(the_readme_has_the_table),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    config_free();
    return failed;
}
