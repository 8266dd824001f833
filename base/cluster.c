#include "base/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/home.h"
#include "base/log.h"

extern char **environ;

enum { OLDEST_MAJOR = 15, NEWEST_MAJOR = 40, START_MS_MAX = 120000, STOP_MS_MAX = 60000, CONFIG_BYTES_MAX = 16384 };

static struct {
    char data[PATH_MAX]; /* <data_dir>/postgres */
    char bin[64];        /* folder of initdb and postgres */
    char sockets[PATH_MAX];
    int users_lock; /* held shared while in use; 0 = not in use */
} cluster;

struct postmaster {
    pid_t pid;
    char sockets[PATH_MAX];
    char status[16]; /* "ready", "starting", "stopping", "standby" */
};

static const char *in_home(char *out, const char *name) {
    if (snprintf(out, PATH_MAX, "%s/%s", config()->data_dir, name) >= PATH_MAX) abort();
    return out;
}

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL); }

/* ---- files ---- */

static size_t read_text(const char *path, char *out, size_t size) {
    FILE *in = fopen(path, "re");
    size_t n = in ? fread(out, 1, size - 1, in) : 0;
    out[n] = 0;
    if (in) fclose(in);
    return n;
}

static bool write_text(const char *path, const char *text) {
    FILE *out = fopen(path, "we");
    if (!out) return false;
    bool ok = fputs(text, out) >= 0;
    return fclose(out) == 0 && ok;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place) {
    (void)st, (void)kind, (void)place;
    return remove(path);
}

static bool remove_tree(const char *path) {
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}

static int open_lock(const char *name) {
    char path[PATH_MAX];
    return open(in_home(path, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static bool lock(int fd, int how) {
    int e;
    do e = flock(fd, how);
    while (e < 0 && errno == EINTR);
    return e == 0;
}

/* One at a time starts or stops. Yours to close(). */
static int take_start_lock(void) {
    int fd = open_lock("cluster.start.lock");
    if (fd >= 0 && !lock(fd, LOCK_EX | LOCK_NB)) {
        LOG(INFO, "cluster_waiting", log_s("reason", "another process starts or stops the database"));
        if (!lock(fd, LOCK_EX)) LOG(ERROR, "cluster_lock", log_errno());
    }
    return fd;
}

/* ---- PostgreSQL's programs ---- */

static bool has_server(int major) {
    char path[80];
    snprintf(path, sizeof path, "/usr/lib/postgresql/%d/bin/postgres", major);
    return access(path, X_OK) == 0;
}

/* A cluster is bound to the major version that made it. */
static int choose_major(void) {
    char path[PATH_MAX + 16], text[16];
    snprintf(path, sizeof path, "%s/PG_VERSION", cluster.data);
    if (read_text(path, text, sizeof text)) return atoi(text);
    for (int major = NEWEST_MAJOR; major >= OLDEST_MAJOR; major--)
        if (has_server(major)) return major;
    return OLDEST_MAJOR;
}

static bool find_programs(void) {
    int major = choose_major();
    snprintf(cluster.bin, sizeof cluster.bin, "/usr/lib/postgresql/%d/bin", major);
    if (has_server(major)) return true;
    home_complain("PostgreSQL %d is not installed (%s/postgres). Run: apt-get install postgresql-%d, or set "
                  "MDR_DATABASE_URL.",
                  major, cluster.bin, major);
    return false;
}

/* Ours and libpq's variables are no business of the server; PGPORT and the like would even change it. */
static char **server_environment(void) {
    size_t n = 0, kept = 0;
    while (environ[n]) n++;
    char **out = calloc(n + 1, sizeof *out);
    if (!out) abort();
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "MDR_", 4) != 0 && strncmp(environ[i], "PG", 2) != 0) out[kept++] = environ[i];
    return out;
}

/* Runs a program in a session of its own with input (a file) and output appended to postgres.start.log. */
static pid_t spawn(char *const argv[], const char *input) {
    char log[PATH_MAX];
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, in_home(log, "postgres.start.log"), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawn_file_actions_addchdir_np(&files, config()->data_dir);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    char **environment = server_environment();
    pid_t pid;
    int e = posix_spawn(&pid, argv[0], &files, &attributes, argv, environment);
    free(environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (e) LOG(ERROR, "cluster_spawn", log_s("program", argv[0]), log_s("error", strerrordesc_np(e)));
    return e ? -1 : pid;
}

static bool run(char *const argv[], const char *input) {
    pid_t pid = spawn(argv, input);
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return pid > 0 && status == 0;
}

static void show_start_log(void) {
    char path[PATH_MAX], text[4096];
    if (read_text(in_home(path, "postgres.start.log"), text, sizeof text)) fprintf(stderr, "%s\n", text);
    home_complain("the database did not start; its messages are above and in %s/log", cluster.data);
}

/* ---- settings ---- */

static int64_t memory_mb(void) {
    char text[64];
    int64_t mb = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 1048576;
    if (!read_text("/sys/fs/cgroup/memory.max", text, sizeof text) || text[0] < '0' || text[0] > '9') return mb;
    int64_t limit = atoll(text) / 1048576;
    return limit && limit < mb ? limit : mb;
}

static int64_t between(int64_t least, int64_t value, int64_t most) {
    return value < least ? least : value > most ? most : value;
}

static void add_quoted(struct buf *b, const char *name, const char *value) {
    buf_addf(b, "%s = '", name);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\') buf_addc(b, *value);
        buf_addc(b, *value);
    }
    buf_adds(b, "'\n");
}

static void add_settings(struct buf *b) {
    int64_t mb = memory_mb();
    buf_adds(b, "# Written by mdr-gateway at each start. Settings of your own: local.conf in this folder; they win.\n"
                "listen_addresses = ''\n"
                "unix_socket_permissions = 0700\n");
    add_quoted(b, "unix_socket_directories", cluster.sockets);
    buf_addf(b, "shared_buffers = %lldMB\n", (long long)between(32, mb / 4, 4096));
    buf_addf(b, "effective_cache_size = %lldMB\n", (long long)between(64, mb / 2, 65536));
    buf_addf(b, "maintenance_work_mem = %lldMB\n", (long long)between(16, mb / 16, 512));
    buf_addf(b, "work_mem = %lldMB\n", (long long)between(4, mb / 256, 32));
    buf_addf(b, "max_connections = %lld\n", (long long)(config()->pool_connections * 4 + 68));
    buf_adds(b, "fsync = on\n"
                "synchronous_commit = on\n"
                "full_page_writes = on\n"
                "wal_compression = lz4\n"
                "max_wal_size = 2GB\n"
                "checkpoint_timeout = 15min\n"
                "jit = off\n"
                "random_page_cost = 1.1\n"
                "effective_io_concurrency = 100\n"
                "autovacuum_vacuum_scale_factor = 0.05\n"
                "autovacuum_analyze_scale_factor = 0.02\n"
                "idle_in_transaction_session_timeout = 60s\n"
                "timezone = 'UTC'\n"
                "log_timezone = 'UTC'\n"
                "lc_messages = 'C.UTF-8'\n"
                "logging_collector = on\n"
                "log_directory = 'log'\n"
                "log_filename = 'postgresql-%a.log'\n"
                "log_truncate_on_rotation = on\n"
                "log_rotation_size = 0\n"
                "log_line_prefix = '%m [%p] %u '\n"
                "log_checkpoints = off\n"
                "log_min_duration_statement = 2s\n"
                "log_parameter_max_length = 0\n"
                "log_parameter_max_length_on_error = 0\n"
                "include_if_exists = 'local.conf'\n");
}

static bool write_settings(void) {
    char path[PATH_MAX + 32];
    scope_buf struct buf b;
    buf_init(&b, CONFIG_BYTES_MAX);
    add_settings(&b);
    snprintf(path, sizeof path, "%s/postgresql.conf", cluster.data);
    if (!b.failed && write_text(path, buf_text(&b))) return true;
    home_complain("cannot write %s: %s", path, strerrordesc_np(errno));
    return false;
}

/* ---- creating ---- */

static bool create_files(const char *dir) {
    char initdb[80];
    snprintf(initdb, sizeof initdb, "%s/initdb", cluster.bin);
    char *const argv[] = {initdb,
                          "-D",
                          (char *)dir,
                          "--encoding=UTF8",
                          "--locale=C.UTF-8",
                          "--lc-collate=C",
                          "--auth=trust",
                          "--no-sync",
                          "--data-checksums",
                          "--username=" CLUSTER_OWNER,
                          NULL};
    return run(argv, "/dev/null");
}

/* Single-user mode needs no connection and works before the server ever runs. */
static bool create_database(const char *dir) {
    char postgres[80], sql[PATH_MAX];
    snprintf(postgres, sizeof postgres, "%s/postgres", cluster.bin);
    in_home(sql, "create.sql");
    char *const argv[] = {postgres, "--single", "-D", (char *)dir, "postgres", NULL};
    bool ok = write_text(sql, "CREATE DATABASE " CLUSTER_DATABASE "\n") && run(argv, sql);
    unlink(sql);
    return ok;
}

static bool sync_files(const char *dir) {
    char initdb[80];
    snprintf(initdb, sizeof initdb, "%s/initdb", cluster.bin);
    char *const argv[] = {initdb, "--sync-only", "-D", (char *)dir, NULL};
    return run(argv, "/dev/null");
}

/* Made aside and renamed when whole, so that a start killed half-way leaves nothing that looks like a cluster. */
static bool create(void) {
    char fresh[PATH_MAX];
    in_home(fresh, "postgres.new");
    LOG(INFO, "cluster_creating", log_s("folder", cluster.data));
    if (remove_tree(fresh) && create_files(fresh) && create_database(fresh) && sync_files(fresh) &&
        rename(fresh, cluster.data) == 0) {
        return true;
    }
    show_start_log();
    return false;
}

/* ---- running ---- */

/* A number in postmaster.pid may by now be another process: it has to be a postgres that works in our folder. */
static bool is_postmaster(pid_t pid) {
    char path[64], text[512], place[PATH_MAX];
    if (pid <= 1) return false;
    waitpid(pid, NULL, WNOHANG);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    read_text(path, text, sizeof text);
    const char *name = strstr(text, "(postgres) ");
    if (!name || name[11] == 'Z') return false;
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(path, place, sizeof place - 1);
    if (n < 0) return true;
    place[n] = 0;
    char *real = realpath(cluster.data, NULL);
    bool same = real && !strcmp(real, place);
    free(real);
    return same;
}

/* postmaster.pid: pid, data folder, start time, port, socket folder, listen address, shared memory, status. */
static bool find_postmaster(struct postmaster *p) {
    char path[PATH_MAX + 32], text[2 * PATH_MAX + 512], *rest = text;
    *p = (struct postmaster){0};
    snprintf(path, sizeof path, "%s/postmaster.pid", cluster.data);
    if (!read_text(path, text, sizeof text)) return false;
    for (int line = 1; rest; line++) {
        const char *value = strsep(&rest, "\n");
        if (line == 1) p->pid = (pid_t)atoi(value);
        if (line == 5) snprintf(p->sockets, sizeof p->sockets, "%s", value);
        if (line == 8) sscanf(value, "%15s", p->status);
    }
    return is_postmaster(p->pid);
}

static bool is_ready(const struct postmaster *p) { return !strcmp(p->status, "ready"); }

/* pid: the child that should become ready, or 0 to wait for whichever runs. */
static bool wait_until_ready(pid_t pid) {
    struct postmaster p;
    for (int64_t until = monotonic_ms() + START_MS_MAX; monotonic_ms() < until; nap()) {
        bool found = find_postmaster(&p);
        if (found && is_ready(&p)) {
            snprintf(cluster.sockets, sizeof cluster.sockets, "%s", p.sockets);
            return true;
        }
        if (!found && (!pid || waitpid(pid, NULL, WNOHANG) != 0)) return false;
    }
    return false;
}

static bool launch(void) {
    char postgres[80], log[PATH_MAX];
    const char *sockets = home_socket_dir();
    if (!sockets) return false;
    snprintf(cluster.sockets, sizeof cluster.sockets, "%s", sockets);
    if (!write_settings()) return false;
    unlink(in_home(log, "postgres.start.log"));
    snprintf(postgres, sizeof postgres, "%s/postgres", cluster.bin);
    char *const argv[] = {postgres, "-D", cluster.data, NULL};
    int64_t began_ms = monotonic_ms();
    pid_t pid = spawn(argv, "/dev/null");
    if (pid < 0 || !wait_until_ready(pid)) return false;
    LOG(INFO, "cluster_started", log_i("pid", pid), log_i("ms", monotonic_ms() - began_ms));
    return true;
}

static bool start_locked(void) {
    struct postmaster p;
    if (access(cluster.data, F_OK) < 0 && !create()) return false;
    if (find_postmaster(&p) && wait_until_ready(0)) {
        LOG(DEBUG, "cluster_joined", log_i("pid", p.pid));
        return true;
    }
    if (launch()) return true;
    show_start_log();
    return false;
}

enum err cluster_start(void) {
    in_home(cluster.data, "postgres");
    if (cluster.users_lock) return OK;
    if (!find_programs()) return ERR_UNAVAILABLE;
    int start_lock = take_start_lock(), users = open_lock("cluster.users.lock");
    if (start_lock < 0 || users < 0) {
        home_complain("cannot write into %s: %s", config()->data_dir, strerrordesc_np(errno));
        return ERR_UNAVAILABLE;
    }
    bool ok = lock(users, LOCK_SH) && start_locked();
    close(start_lock);
    if (ok)
        cluster.users_lock = users;
    else
        close(users);
    return ok ? OK : ERR_UNAVAILABLE;
}

static bool wait_until_gone(pid_t pid) {
    for (int64_t until = monotonic_ms() + STOP_MS_MAX; monotonic_ms() < until; nap())
        if (!is_postmaster(pid)) return true;
    return false;
}

/* SIGINT = fast: ends sessions, writes a checkpoint. SIGQUIT = immediate: the next start recovers. */
static void stop_postmaster(void) {
    struct postmaster p;
    if (!find_postmaster(&p)) return;
    int64_t began_ms = monotonic_ms();
    kill(p.pid, SIGINT);
    if (!wait_until_gone(p.pid)) {
        LOG(WARN, "cluster_stop_slow", log_i("pid", p.pid));
        kill(p.pid, SIGQUIT);
        wait_until_gone(p.pid);
    }
    LOG(INFO, "cluster_stopped", log_i("ms", monotonic_ms() - began_ms));
}

void cluster_stop(void) {
    if (!cluster.users_lock) return;
    int start_lock = take_start_lock();
    lock(cluster.users_lock, LOCK_UN);
    if (lock(cluster.users_lock, LOCK_EX | LOCK_NB))
        stop_postmaster();
    else
        LOG(DEBUG, "cluster_left_running", log_s("reason", "another process uses it"));
    close(cluster.users_lock);
    close(start_lock);
    cluster.users_lock = 0;
}

static void start_again(void) {
    struct postmaster p;
    if (find_postmaster(&p)) return;
    LOG(ERROR, "cluster_died", log_s("action", "starting it again"));
    if (!launch()) LOG(ERROR, "cluster_restart_failed");
}

void cluster_tend(void) {
    struct postmaster p;
    if (!cluster.users_lock || find_postmaster(&p)) return;
    int start_lock = open_lock("cluster.start.lock");
    if (start_lock < 0) return;
    if (lock(start_lock, LOCK_EX | LOCK_NB)) start_again();
    close(start_lock);
}

const char *cluster_url(const char *user) {
    static _Thread_local char url[PATH_MAX + 256];
    char host[PATH_MAX];
    size_t n = 0;
    for (const char *c = cluster.sockets; *c && n < sizeof host - 2; c++) {
        if (*c == '\'' || *c == '\\') host[n++] = '\\';
        host[n++] = *c;
    }
    host[n] = 0;
    snprintf(url, sizeof url, "host='%s' port=5432 dbname=" CLUSTER_DATABASE " user=%s", host, user);
    return url;
}
