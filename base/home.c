#include "base/home.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"

#define SERVICE_USER "mdr-gateway"
#define STATE_DIR "/var/lib/mdr-gateway"
#define RUN_DIR "/run/mdr-gateway"

extern char **environ;

enum { SOCKET_PATH_MAX = 107, SOCKET_NAME_BYTES = sizeof "/.s.PGSQL.5432" - 1 };

static char socket_dir[PATH_MAX];

struct user {
    uid_t uid;
    gid_t gid;
    char name[64];
};

void home_complain(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("mdr-gateway: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* FNV-1a: only tells folders apart. */
static uint32_t hash_of(const char *text) {
    uint32_t h = 2166136261u;
    for (; *text; text++) h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

static void take_passwd(struct user *out, const struct passwd *pw) {
    out->uid = pw->pw_uid;
    out->gid = pw->pw_gid;
    snprintf(out->name, sizeof out->name, "%s", pw->pw_name);
}

static void create_service_user(void) {
    char *const argv[] = {"useradd", "--system", "--user-group",      "--no-create-home", "--home-dir",
                          STATE_DIR, "--shell",  "/usr/sbin/nologin", SERVICE_USER,       NULL};
    pid_t pid;
    int status;
    LOG(INFO, "service_user_created", log_s("user", SERVICE_USER));
    if (!posix_spawn(&pid, "/usr/sbin/useradd", NULL, NULL, argv, environ)) waitpid(pid, &status, 0);
}

/* Two starts at once may both create: what counts is that the user is there afterwards. */
static bool find_service_user(struct user *out) {
    const struct passwd *pw = getpwnam(SERVICE_USER);
    if (!pw) {
        create_service_user();
        pw = getpwnam(SERVICE_USER);
    }
    if (pw) take_passwd(out, pw);
    return pw && pw->pw_uid;
}

static bool find_user(const char *dir, struct user *out) {
    struct stat st;
    if (stat(dir, &st) < 0 || !st.st_uid) return find_service_user(out);
    const struct passwd *pw = getpwuid(st.st_uid);
    if (pw)
        take_passwd(out, pw);
    else
        *out = (struct user){.uid = st.st_uid, .gid = st.st_gid, .name = "?"};
    return true;
}

static bool become(const struct user *u) {
    if (setgroups(1, &u->gid) < 0 || setgid(u->gid) < 0 || setuid(u->uid) < 0) return false;
    return getuid() == u->uid && geteuid() == u->uid && setuid(0) < 0;
}

/* Asks the kernel, as that user: permissions, ACLs and mounts count as they will. */
static bool user_can(const struct user *u, const char *path, int mode) {
    pid_t pid = fork();
    if (!pid) _exit(become(u) && !access(path, mode) ? 0 : 1);
    int status = 1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0;
}

static void cut_to_parent(char *path) {
    char *slash = strrchr(path, '/');
    slash[slash == path ? 1 : 0] = 0;
}

static bool reachable(const struct user *u, const char *dir) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", dir);
    do cut_to_parent(path);
    while (!exists(path));
    return user_can(u, path, X_OK);
}

static bool make_dirs(const char *dir, mode_t mode) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", dir);
    for (char *c = path + 1; *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        if (mkdir(path, 0755) < 0 && errno != EEXIST) return false;
        *c = '/';
    }
    return mkdir(path, mode) == 0 || errno == EEXIST;
}

static bool is_empty(const char *dir) {
    DIR *d = opendir(dir);
    if (!d) return false;
    int n = 0;
    while (readdir(d)) n++;
    closedir(d);
    return n <= 2;
}

/* Never takes a folder with other files away from root: it might be /etc. */
static bool give(const char *dir, const struct user *u) {
    struct stat st;
    if (!make_dirs(dir, 0700) || stat(dir, &st) < 0) {
        home_complain("cannot create %s: %s", dir, strerrordesc_np(errno));
        return false;
    }
    if (st.st_uid == u->uid) return true;
    if (is_empty(dir) && !chown(dir, u->uid, u->gid) && !chmod(dir, 0700)) return true;
    if (user_can(u, dir, R_OK | W_OK | X_OK)) return true;
    home_complain("MDR_DATA_DIR %s belongs to root and holds other files; PostgreSQL cannot run as root. Give it to "
                  "the service user (chown -R %s %s) or name an empty folder.",
                  dir, u->name, dir);
    return false;
}

static void move_data_dir(void) {
    char path[PATH_MAX];
    const char *dir = config()->data_dir, *name = strrchr(dir, '/') + 1;
    snprintf(path, sizeof path, STATE_DIR "/%.64s-%08x", name, hash_of(dir));
    LOG(WARN, "data_dir_moved", log_s("from", dir), log_s("to", path),
        log_s("reason", "the service user cannot reach the folder; PostgreSQL does not run as root"));
    config_set_data_dir(path);
}

static void remember_user(const struct user *u) {
    setenv("HOME", config()->data_dir, 1);
    setenv("USER", u->name, 1);
    setenv("LOGNAME", u->name, 1);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_CONFIG_HOME");
}

static bool inside_socket_limit(const char *dir) {
    return strlen(dir) + SOCKET_NAME_BYTES <= SOCKET_PATH_MAX && !strchr(dir, ',');
}

static void choose_socket_dir(bool root) {
    const char *data = config()->data_dir, *runtime = getenv("XDG_RUNTIME_DIR");
    snprintf(socket_dir, sizeof socket_dir, "%s/run", data);
    if (inside_socket_limit(socket_dir)) return;
    if (root)
        snprintf(socket_dir, sizeof socket_dir, RUN_DIR "/%08x", hash_of(data));
    else if (runtime && runtime[0] == '/' && strlen(runtime) < 64)
        snprintf(socket_dir, sizeof socket_dir, "%s/mdr-gateway-%08x", runtime, hash_of(data));
    else
        snprintf(socket_dir, sizeof socket_dir, "/tmp/mdr-gateway-%u-%08x", (unsigned)geteuid(), hash_of(data));
    LOG(INFO, "socket_dir_moved", log_s("to", socket_dir), log_s("reason", "the data folder's path is too long"));
}

static enum err prepare_as_root(void) {
    struct user u;
    umask(022); /* the folders above the data folder are for everyone to pass */
    if (!find_user(config()->data_dir, &u)) {
        home_complain("PostgreSQL cannot run as root, and the user " SERVICE_USER " cannot be created. Run: "
                      "useradd --system " SERVICE_USER);
        return ERR_INTERNAL;
    }
    if (!reachable(&u, config()->data_dir)) move_data_dir();
    if (!give(config()->data_dir, &u)) return ERR_INTERNAL;
    choose_socket_dir(true);
    if (!make_dirs(socket_dir, 0700) || chown(socket_dir, u.uid, u.gid) < 0 || !become(&u)) {
        home_complain("cannot become the user %s: %s", u.name, strerrordesc_np(errno));
        return ERR_INTERNAL;
    }
    umask(077);
    remember_user(&u);
    LOG(DEBUG, "running_as", log_s("user", u.name), log_s("data_dir", config()->data_dir));
    return OK;
}

static enum err prepare_as_user(void) {
    if (!make_dirs(config()->data_dir, 0700) || access(config()->data_dir, R_OK | W_OK | X_OK) < 0) {
        home_complain("MDR_DATA_DIR %s: %s", config()->data_dir, strerrordesc_np(errno));
        return ERR_INTERNAL;
    }
    choose_socket_dir(false);
    return OK;
}

/* Changing the user sets it anew, and so does exec: PostgreSQL is not concerned. */
static void hide_memory(void) {
#ifdef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 1); /* the leak sanitizer traces its own process */
#else
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

enum err home_prepare(void) {
    TRY(geteuid() ? prepare_as_user() : prepare_as_root());
    hide_memory();
    return OK;
}

/* In /tmp anyone could have made it first. */
const char *home_socket_dir(void) {
    struct stat st;
    bool made = make_dirs(socket_dir, 0700);
    if (made && !lstat(socket_dir, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 077))
        return socket_dir;
    home_complain("%s has to be a folder of this user alone (mode 0700)", socket_dir);
    return NULL;
}
