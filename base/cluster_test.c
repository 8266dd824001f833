#include "base/cluster.h"

#include <ftw.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/config.h"
#include "base/home.h"
#include "base/log.h"
#include "tests/unit.h"

static char dir[512];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place) {
    (void)st, (void)kind, (void)place;
    return remove(path);
}

static bool ask(const char *sql, char *out, size_t size) {
    PGconn *conn = PQconnectdb(cluster_url(CLUSTER_OWNER));
    PGresult *result = PQexec(conn, sql);
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;
    snprintf(out, size, "%s", ok ? PQgetvalue(result, 0, 0) : PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return ok;
}

static pid_t postmaster(void) {
    char path[600];
    int pid = 0;
    snprintf(path, sizeof path, "%s/postgres/postmaster.pid", config()->data_dir);
    FILE *in = fopen(path, "re");
    if (!in) return 0;
    if (fscanf(in, "%d", &pid) != 1) pid = 0;
    fclose(in);
    return pid;
}

/* Another gateway: starts, says so through a pipe, waits until the other pipe is closed, then stops (or is killed). */
struct other {
    pid_t pid;
    int orders;
};

static struct other start_other(void) {
    int ready[2], orders[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(orders), 0);
    pid_t pid = fork();
    if (!pid) {
        close(orders[1]);
        byte = cluster_start() == OK ? 'y' : 'n';
        if (write(ready[1], &byte, 1) == 1 && read(orders[0], &byte, 1) == 0) cluster_stop();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    close(ready[1]);
    close(orders[0]);
    return (struct other){pid, orders[1]};
}

static void end_other(struct other o, int signal_number) {
    if (signal_number) kill(o.pid, signal_number);
    close(o.orders);
    waitpid(o.pid, NULL, 0);
}

static void starts_utf8_and_durable(void **state) {
    (void)state;
    char text[256];
    assert_int_equal(cluster_start(), OK);
    assert_true(
        ask("select current_database() || ' ' || current_user || ' ' || current_setting('server_encoding') || ' ' "
            "|| (select datcollate || ' ' || datctype from pg_database where datname = 'mdr')",
            text, sizeof text));
    assert_string_equal(text, "mdr mdr_owner UTF8 C C.UTF-8");
    assert_true(ask("select string_agg(setting, ' ' order by name) from pg_settings where name in "
                    "('fsync', 'listen_addresses', 'synchronous_commit', 'jit', 'data_checksums')",
                    text, sizeof text));
    assert_string_equal(text, "on on off  on");
    cluster_stop();
    assert_int_equal(postmaster(), 0);
}

static void last_one_out_stops_it(void **state) {
    (void)state;
    struct other other = start_other();
    pid_t pid = postmaster();
    assert_int_equal(cluster_start(), OK);
    assert_int_equal(postmaster(), pid);
    end_other(other, 0);
    char text[64];
    assert_true(ask("select 1::text", text, sizeof text));
    assert_int_equal(postmaster(), pid);
    cluster_stop();
    assert_int_equal(postmaster(), 0);
}

static void takes_over_what_a_killed_one_left(void **state) {
    (void)state;
    struct other other = start_other();
    pid_t pid = postmaster();
    end_other(other, SIGKILL);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(cluster_start(), OK);
    assert_int_equal(postmaster(), pid);
    cluster_stop();
    assert_int_equal(postmaster(), 0);
}

static void starts_over_a_stale_pid_file(void **state) {
    (void)state;
    char path[600], text[64];
    snprintf(path, sizeof path, "%s/postgres/postmaster.pid", config()->data_dir);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    fprintf(out, "%d\n%s\n1\n5432\n/nowhere\n\n\nready   \n", (int)getpid(), dir);
    fclose(out);
    assert_int_equal(cluster_start(), OK);
    assert_true(ask("select 1::text", text, sizeof text));
    cluster_stop();
}

static void tends_a_server_that_died(void **state) {
    (void)state;
    char text[64] = "";
    assert_int_equal(cluster_start(), OK);
    pid_t pid = postmaster();
    cluster_tend();
    assert_int_equal(postmaster(), pid);
    kill(pid, SIGKILL);
    bool up = false;
    for (int i = 0; i < 100 && !up; i++) {
        usleep(100000);
        cluster_tend();
        up = ask("select 1::text", text, sizeof text);
    }
    assert_true(up);
    assert_int_not_equal(postmaster(), pid);
    cluster_stop();
}

/* As a start killed half-way leaves it. */
static void starts_over_after_half_a_creation(void **state) {
    (void)state;
    char from[600], to[600], text[64];
    snprintf(from, sizeof from, "%s/postgres", config()->data_dir);
    snprintf(to, sizeof to, "%s/postgres.new", config()->data_dir);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(cluster_start(), OK);
    assert_true(ask("select 1::text", text, sizeof text));
    assert_int_not_equal(access(to, F_OK), 0);
    cluster_stop();
}

static void urls_quote_the_folder(void **state) {
    (void)state;
    assert_non_null(strstr(cluster_url("someone"), "user=someone"));
    assert_non_null(strstr(cluster_url("someone"), "it\\'s"));
}

static int prepare(void) {
    snprintf(dir, sizeof dir, "/tmp/cluster_test %d it's", (int)getpid());
    setenv("MDR_DATA_DIR", dir, 1);
    setenv("MDR_LOG_LEVEL", "warn", 1);
    setenv("PGPORT", "1", 1);
    return config_load(NULL) != OK || home_prepare() != OK;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_utf8_and_durable),           cmocka_unit_test(last_one_out_stops_it),
        cmocka_unit_test(takes_over_what_a_killed_one_left), cmocka_unit_test(starts_over_a_stale_pid_file),
        cmocka_unit_test(tends_a_server_that_died),          cmocka_unit_test(urls_quote_the_folder),
        cmocka_unit_test(starts_over_after_half_a_creation),
    };
    if (prepare()) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    cluster_stop();
    nftw(config()->data_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    config_free();
    return failed;
}
