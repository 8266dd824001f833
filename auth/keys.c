#define _GNU_SOURCE
#include "auth/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { FILE_BYTES_MAX = 65536, FRESH_SECRET_BYTES = 32, LOOK_EVERY_MS = 1000 };

struct keyring {
    struct key keys[KEYS_MAX];
    size_t n;
    unsigned char box[crypto_secretbox_KEYBYTES];
};

static const struct {
    const char *name;
    size_t bytes;
} algs[KEY_ALGS] = {[KEY_HS256] = {"HS256", 32}, [KEY_HS384] = {"HS384", 48}, [KEY_HS512] = {"HS512", 64}};

/* file_lock (path, identity) is taken before ring_lock (ring), never after. */
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER, ring_lock = PTHREAD_MUTEX_INITIALIZER;
static struct keyring ring;
static char ring_path[PATH_MAX];
static struct stat ring_stat;
static _Atomic int64_t next_look_ms;

const char *key_alg_name(enum key_alg alg) { return algs[alg].name; }

size_t key_alg_bytes(enum key_alg alg) { return algs[alg].bytes; }

void key_wipe(struct key *k) { sodium_memzero(k, sizeof *k); }

static void ring_wipe(struct keyring *r) { sodium_memzero(r, sizeof *r); }
#define scope_ring __attribute__((cleanup(ring_wipe)))

static void fd_close(const int *fd) {
    if (*fd >= 0) close(*fd);
}
#define scope_fd __attribute__((cleanup(fd_close)))

static enum err __attribute__((format(printf, 3, 4))) say(struct buf *why, enum err e, const char *format, ...) {
    char text[PATH_MAX + 512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (why) buf_adds(why, text);
    return e;
}

/* --- the file's text --- */

static bool decode(const char *text, unsigned char *out, size_t max, size_t *len) {
    return sodium_base642bin(out, max, text, strlen(text), NULL, len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ==
           0;
}

static bool kid_good(const char *kid) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t len = strlen(kid);
    return len > 0 && len <= KEY_ID_MAX && strspn(kid, allowed) == len;
}

static enum key_alg alg_parse(const char *name) {
    enum key_alg alg = 0;
    while (alg < KEY_ALGS && strcmp(algs[alg].name, name)) alg++;
    return alg;
}

static enum err parse_key(json_t *item, struct key *out, struct buf *why) {
    const char *kid, *alg, *secret;
    json_int_t created, retired = 0;
    json_error_t fault;
    if (json_unpack_ex(item, &fault, JSON_STRICT, "{s:s,s:s,s:s,s:I,s?I}", "kid", &kid, "alg", &alg, "secret", &secret,
                       "created", &created, "retired", &retired))
        return say(why, ERR_INTERNAL, "key file: a key has wrong members: %s", fault.text);
    if (!kid_good(kid)) return say(why, ERR_INTERNAL, "key file: a kid must be 1 to 64 letters, digits, - _ .");
    *out = (struct key){.alg = alg_parse(alg), .created_ms = created, .retired_ms = retired};
    strcpy(out->kid, kid);
    if (out->alg == KEY_ALGS) return say(why, ERR_INTERNAL, "key file: key %s: alg must be HS256, HS384 or HS512", kid);
    if (created < 0 || retired < 0) return say(why, ERR_INTERNAL, "key file: key %s: times must not be negative", kid);
    if (!decode(secret, out->secret, sizeof out->secret, &out->secret_len))
        return say(why, ERR_INTERNAL, "key file: key %s: secret must be base64url of at most %d bytes", kid,
                   KEY_SECRET_MAX);
    if (out->secret_len < algs[out->alg].bytes)
        return say(why, ERR_INTERNAL, "key file: key %s: secret is shorter than %zu bytes", kid, algs[out->alg].bytes);
    return OK;
}

static bool same_secret(const struct key *a, const struct key *b) {
    return a->secret_len == b->secret_len && !sodium_memcmp(a->secret, b->secret, a->secret_len);
}

static enum err check_apart(const struct key *a, const struct key *b, struct buf *why) {
    if (!strcmp(a->kid, b->kid)) return say(why, ERR_INTERNAL, "key file: kid %s stands twice", a->kid);
    if (!same_secret(a, b)) return OK;
    return say(why, ERR_INTERNAL, "key file: %s and %s have the same secret", b->kid, a->kid);
}

static enum err check_ring(const struct keyring *r, struct buf *why) {
    size_t in_use = 0;
    for (size_t i = 0; i < r->n; i++) {
        in_use += !r->keys[i].retired_ms;
        for (size_t j = 0; j < i; j++) TRY(check_apart(&r->keys[i], &r->keys[j], why));
    }
    return in_use ? OK : say(why, ERR_INTERNAL, "key file: every key is retired, none is left to sign");
}

static enum err parse_ring(const char *text, size_t len, struct keyring *out, struct buf *why) {
    json_error_t fault;
    json_t *list, *item;
    const char *box;
    size_t i, box_len;
    json_auto_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &fault);
    if (!root) return say(why, ERR_INTERNAL, "key file: not JSON, line %d", fault.line);
    if (json_unpack_ex(root, &fault, JSON_STRICT, "{s:o,s:s}", "keys", &list, "box", &box))
        return say(why, ERR_INTERNAL, "key file: wrong members: %s", fault.text);
    if (!json_is_array(list) || json_array_size(list) > KEYS_MAX)
        return say(why, ERR_INTERNAL, "key file: keys must be a list of at most %d", KEYS_MAX);
    if (!decode(box, out->box, sizeof out->box, &box_len) || box_len != sizeof out->box)
        return say(why, ERR_INTERNAL, "key file: box must be base64url of %zu bytes", sizeof out->box);
    out->n = json_array_size(list);
    json_array_foreach(list, i, item) TRY(parse_key(item, &out->keys[i], why));
    return check_ring(out, why);
}

static json_t *bytes_json(const unsigned char *bytes, size_t len) {
    char text[sodium_base64_ENCODED_LEN(KEY_SECRET_MAX, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    json_t *value =
        json_string(sodium_bin2base64(text, sizeof text, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING));
    sodium_memzero(text, sizeof text);
    return value;
}

/* NULL only when out of memory. */
static char *ring_text(const struct keyring *r) {
    json_auto_t *list = json_array();
    for (size_t i = 0; i < r->n; i++) {
        const struct key *k = &r->keys[i];
        json_t *item = json_pack("{s:s,s:s,s:o,s:I}", "kid", k->kid, "alg", algs[k->alg].name, "secret",
                                 bytes_json(k->secret, k->secret_len), "created", (json_int_t)k->created_ms);
        if (k->retired_ms) json_object_set_new(item, "retired", json_integer(k->retired_ms));
        if (json_array_append_new(list, item)) return NULL;
    }
    json_auto_t *root = json_pack("{s:O,s:o}", "keys", list, "box", bytes_json(r->box, sizeof r->box));
    return root ? json_dumps(root, JSON_INDENT(2)) : NULL;
}

/* --- the file --- */

static enum err check_file(const char *path, const struct stat *st, struct buf *why) {
    if (!S_ISREG(st->st_mode)) return say(why, ERR_INTERNAL, "key file %s is not a plain file", path);
    if (st->st_mode & (S_IRWXG | S_IRWXO))
        return say(why, ERR_INTERNAL, "key file %s is open to group or others: chmod 0400 %s", path, path);
    if (st->st_size > FILE_BYTES_MAX)
        return say(why, ERR_INTERNAL, "key file %s is over %d bytes", path, FILE_BYTES_MAX);
    return OK;
}

static ssize_t read_all(int fd, char *out, size_t max) {
    size_t len = 0;
    while (len < max) {
        ssize_t got = pread(fd, out + len, max - len, (off_t)len);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (!got) break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

static enum err read_ring(int fd, const char *path, struct keyring *out, struct stat *st, struct buf *why) {
    *out = (struct keyring){0};
    if (fstat(fd, st)) return say(why, ERR_INTERNAL, "key file %s: %s", path, strerror(errno));
    TRY(check_file(path, st, why));
    char *text = malloc(FILE_BYTES_MAX);
    if (!text) return say(why, ERR_INTERNAL, "key file %s: out of memory", path);
    ssize_t len = read_all(fd, text, FILE_BYTES_MAX);
    enum err e = len < 0 ? say(why, ERR_INTERNAL, "key file %s: %s", path, strerror(errno))
                         : parse_ring(text, (size_t)len, out, why);
    sodium_memzero(text, FILE_BYTES_MAX);
    free(text);
    return e;
}

static bool write_all(int fd, const char *text, size_t len) {
    while (len) {
        ssize_t put = write(fd, text, len);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        text += put;
        len -= (size_t)put;
    }
    return true;
}

/* Owner NULL: whoever runs this. A rotation by root must leave a file that the service can still read. */
static bool fill_file(int fd, const struct keyring *r, const struct stat *owner) {
    char *text = ring_text(r);
    if (!text) return false;
    bool good = write_all(fd, text, strlen(text)) && fchmod(fd, S_IRUSR) == 0;
    sodium_memzero(text, strlen(text));
    free(text);
    if (good && owner && (owner->st_uid != geteuid() || owner->st_gid != getegid()))
        good = fchown(fd, owner->st_uid, owner->st_gid) == 0;
    return good && fsync(fd) == 0;
}

/* A complete file beside path, for link() or rename(). */
static enum err write_temp(const char *path, const struct keyring *r, const struct stat *owner, char temp[PATH_MAX],
                           struct buf *why) {
    if (snprintf(temp, PATH_MAX, "%s.XXXXXX", path) >= PATH_MAX)
        return say(why, ERR_INTERNAL, "key file: path too long");
    scope_fd int fd = mkostemp(temp, O_CLOEXEC);
    if (fd < 0) return say(why, ERR_INTERNAL, "key file %s cannot be made: %s", path, strerror(errno));
    if (fill_file(fd, r, owner)) return OK;
    say(why, ERR_INTERNAL, "key file %s cannot be written: %s", path, strerror(errno));
    unlink(temp);
    return ERR_INTERNAL;
}

static void sync_folder(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    scope_fd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    /* cppcheck-suppress resourceLeak ; scope_fd closes it */
}

static struct key fresh_key(int64_t now_ms) {
    unsigned char id[12];
    struct key k = {.alg = KEY_HS256, .secret_len = FRESH_SECRET_BYTES, .created_ms = now_ms};
    randombytes_buf(id, sizeof id);
    sodium_bin2base64(k.kid, sizeof k.kid, id, sizeof id, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    randombytes_buf(k.secret, k.secret_len);
    return k;
}

/* link() fails where another process was first: its file is then as good as ours. */
static enum err make_file(const char *path, int64_t now_ms, struct buf *why) {
    scope_ring struct keyring fresh = {.n = 1};
    char temp[PATH_MAX];
    fresh.keys[0] = fresh_key(now_ms);
    randombytes_buf(fresh.box, sizeof fresh.box);
    TRY(write_temp(path, &fresh, NULL, temp, why));
    int failed = link(temp, path) && errno != EEXIST ? errno : 0;
    unlink(temp);
    sync_folder(path);
    return failed ? say(why, ERR_INTERNAL, "key file %s cannot be made: %s", path, strerror(failed)) : OK;
}

static int open_file(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

/* --- the keys in memory --- */

/* With file_lock held. */
static enum err install(const char *path, struct buf *why) {
    scope_ring struct keyring fresh = {0};
    struct stat st;
    scope_fd int fd = open_file(path);
    if (fd < 0) return say(why, ERR_INTERNAL, "key file %s: %s", path, strerror(errno));
    TRY(read_ring(fd, path, &fresh, &st, why));
    pthread_mutex_lock(&ring_lock);
    ring = fresh;
    pthread_mutex_unlock(&ring_lock);
    ring_stat = st;
    return OK;
}

enum err keys_load(const char *path, int64_t now_ms, struct buf *why) {
    if (sodium_init() < 0) return say(why, ERR_INTERNAL, "libsodium does not start");
    if (strlen(path) >= sizeof ring_path) return say(why, ERR_INTERNAL, "key file: path too long");
    if (access(path, F_OK) && errno == ENOENT) TRY(make_file(path, now_ms, why));
    pthread_mutex_lock(&file_lock);
    enum err e = install(path, why);
    if (e == OK) strcpy(ring_path, path);
    pthread_mutex_unlock(&file_lock);
    return e;
}

static bool same_time(struct timespec a, struct timespec b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

static bool unchanged(void) {
    struct stat st;
    return stat(ring_path, &st) == 0 && st.st_dev == ring_stat.st_dev && st.st_ino == ring_stat.st_ino &&
           st.st_size == ring_stat.st_size && same_time(st.st_mtim, ring_stat.st_mtim) &&
           same_time(st.st_ctim, ring_stat.st_ctim);
}

enum err keys_reload(struct buf *why) {
    pthread_mutex_lock(&file_lock);
    enum err e = OK;
    if (!*ring_path)
        e = say(why, ERR_INTERNAL, "no key file was loaded");
    else if (!unchanged())
        e = install(ring_path, why);
    pthread_mutex_unlock(&file_lock);
    return e;
}

/* One thread per second pays for the stat; the others go on with what is there. */
static void reload_if_due(void) {
    int64_t at_ms = monotonic_ms(), due_ms = next_look_ms;
    if (at_ms < due_ms || !atomic_compare_exchange_strong(&next_look_ms, &due_ms, at_ms + LOOK_EVERY_MS)) return;
    if (keys_reload(NULL) != OK) return; /* said by the maintenance loop */
}

static bool find_in_ring(const char *kid, struct key *out) {
    bool found = false;
    pthread_mutex_lock(&ring_lock);
    for (size_t i = 0; i < ring.n && !found; i++) {
        found = !strcmp(ring.keys[i].kid, kid);
        if (found) *out = ring.keys[i];
    }
    pthread_mutex_unlock(&ring_lock);
    return found;
}

bool keys_find(const char *kid, struct key *out) {
    reload_if_due();
    if (find_in_ring(kid, out)) return true;
    return keys_reload(NULL) == OK && find_in_ring(kid, out);
}

static const struct key *signing_key(const struct keyring *r, int64_t now_ms) {
    const struct key *unsettled = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const struct key *k = &r->keys[i];
        if (k->retired_ms && k->retired_ms <= now_ms) continue;
        if (k->created_ms + KEYS_SETTLE_MS <= now_ms) return k;
        if (!unsettled) unsettled = k;
    }
    return unsettled;
}

bool keys_signing(int64_t now_ms, struct key *out) {
    reload_if_due();
    pthread_mutex_lock(&ring_lock);
    const struct key *k = signing_key(&ring, now_ms);
    if (k) *out = *k;
    pthread_mutex_unlock(&ring_lock);
    return k != NULL;
}

void keys_forget(void) {
    pthread_mutex_lock(&file_lock);
    pthread_mutex_lock(&ring_lock);
    ring_wipe(&ring);
    pthread_mutex_unlock(&ring_lock);
    *ring_path = 0;
    pthread_mutex_unlock(&file_lock);
}

/* --- rotation --- */

/* A rotation renames a new file over the old one, so the lock counts only while the path still leads to it. */
static int open_for_rotation(const char *path) {
    for (;;) {
        struct stat held, named;
        int fd = open_file(path);
        if (fd < 0) return -1;
        if (flock(fd, LOCK_EX) == 0 && fstat(fd, &held) == 0 && stat(path, &named) == 0 &&
            held.st_ino == named.st_ino && held.st_dev == named.st_dev)
            return fd;
        close(fd);
    }
}

static void retire(struct keyring *r, int64_t now_ms) {
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct key *k = &r->keys[i];
        if (k->retired_ms && k->retired_ms + KEYS_KEEP_MS < now_ms) continue;
        if (!k->retired_ms) k->retired_ms = now_ms + KEYS_SETTLE_MS;
        r->keys[kept++] = *k;
    }
    r->n = kept;
}

static enum err replace_file(const char *path, const struct keyring *r, const struct stat *owner, struct buf *why) {
    char temp[PATH_MAX];
    TRY(write_temp(path, r, owner, temp, why));
    if (rename(temp, path)) {
        say(why, ERR_INTERNAL, "key file %s cannot be replaced: %s", path, strerror(errno));
        unlink(temp);
        return ERR_INTERNAL;
    }
    sync_folder(path);
    return OK;
}

enum err keys_rotate(const char *path, int64_t now_ms, char new_kid[KEY_ID_MAX + 1], struct buf *why) {
    scope_ring struct keyring r = {0};
    struct stat st;
    char real[PATH_MAX];
    if (sodium_init() < 0 || !realpath(path, real))
        return say(why, ERR_INTERNAL, "key file %s: %s", path, strerror(errno));
    scope_fd int fd = open_for_rotation(real);
    if (fd < 0) return say(why, ERR_INTERNAL, "key file %s: %s", path, strerror(errno));
    TRY(read_ring(fd, path, &r, &st, why));
    retire(&r, now_ms);
    if (r.n == KEYS_MAX)
        return say(why, ERR_CONFLICT, "key file %s: %d keys still verify live tokens; rotate later", path, KEYS_MAX);
    memmove(r.keys + 1, r.keys, r.n * sizeof *r.keys);
    r.keys[0] = fresh_key(now_ms);
    r.n++;
    strcpy(new_kid, r.keys[0].kid);
    return replace_file(real, &r, &st, why);
}

/* --- sealing --- */

/* One key per purpose: BLAKE2b of the purpose under the box key. */
static bool purpose_key(const char *purpose, unsigned char out[crypto_secretbox_KEYBYTES]) {
    unsigned char box[crypto_secretbox_KEYBYTES];
    pthread_mutex_lock(&ring_lock);
    bool loaded = ring.n > 0;
    memcpy(box, ring.box, sizeof box);
    pthread_mutex_unlock(&ring_lock);
    crypto_generichash(out, crypto_secretbox_KEYBYTES, (const unsigned char *)purpose, strlen(purpose), box,
                       sizeof box);
    sodium_memzero(box, sizeof box);
    return loaded;
}

enum err keys_seal(const char *purpose, const void *plain, size_t len, unsigned char *out) {
    unsigned char key[crypto_secretbox_KEYBYTES];
    _Static_assert(KEYS_SEAL_EXTRA == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES, "sealed layout");
    if (len > KEYS_SEAL_MAX) return ERR_INVALID;
    if (!purpose_key(purpose, key)) return ERR_INTERNAL;
    randombytes_buf(out, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(out + crypto_secretbox_NONCEBYTES, plain, len, out, key);
    sodium_memzero(key, sizeof key);
    return OK;
}

enum err keys_open(const char *purpose, const void *sealed, size_t len, unsigned char *out) {
    unsigned char key[crypto_secretbox_KEYBYTES];
    const unsigned char *bytes = sealed;
    if (len < KEYS_SEAL_EXTRA || len > KEYS_SEAL_MAX + KEYS_SEAL_EXTRA || !purpose_key(purpose, key))
        return ERR_INTERNAL;
    int failed = crypto_secretbox_open_easy(out, bytes + crypto_secretbox_NONCEBYTES, len - crypto_secretbox_NONCEBYTES,
                                            bytes, key);
    sodium_memzero(key, sizeof key);
    return failed ? ERR_INTERNAL : OK;
}
