#include "auth/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit.h"

#define SECRET1 "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
#define SECRET2 "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU"
#define BOX "\"box\":\"" SECRET1 "\""
#define KEY(kid, secret) "{\"kid\":\"" kid "\",\"alg\":\"HS256\",\"secret\":\"" secret "\",\"created\":1000}"
#define T0 1700000000000LL

static char folder[] = "/tmp/keys-test-XXXXXX", path[64];
static struct buf why;

static void write_file(const char *text, mode_t mode) {
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state) {
    (void)state;
    unlink(path);
    keys_forget();
    buf_init(&why, 8192);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    buf_free(&why);
    return 0;
}

static const char *signing_kid(int64_t now_ms) {
    static char kid[KEY_ID_MAX + 1];
    scope_key struct key k = {0};
    assert_true(keys_signing(now_ms, &k));
    return strcpy(kid, k.kid);
}

static bool known(const char *kid) {
    scope_key struct key k = {0};
    return keys_find(kid, &k);
}

static int files_in_folder(void) {
    char command[128], line[16] = "";
    snprintf(command, sizeof command, "ls -A %s | wc -l", folder);
    FILE *f = popen(command, "r");
    char *got = fgets(line, sizeof line, f);
    pclose(f);
    return got ? atoi(line) : -1;
}

static void test_made_when_missing(void **state) {
    (void)state;
    struct stat st;
    scope_key struct key k = {0};
    assert_int_equal(keys_load(path, T0, &why), OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_true(keys_signing(T0, &k));
    assert_int_equal(k.secret_len, 32);
    assert_int_equal(k.created_ms, T0);
    assert_false(sodium_is_zero(k.secret, 32));
    assert_int_equal(keys_load(path, T0 + 5, &why), OK);
    assert_string_equal(signing_kid(T0), k.kid);
    assert_int_equal(files_in_folder(), 1);
}

/* The children print the kid that they would sign with: all the same, whoever made the file. */
static void test_many_start_at_once(void **state) {
    (void)state;
    enum { N = 16 };
    char seen[N][KEY_ID_MAX + 1];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < N; i++) {
        if (fork()) continue;
        char kid[KEY_ID_MAX + 1] = "failed";
        if (keys_load(path, T0, NULL) == OK) strcpy(kid, signing_kid(T0));
        _exit(write(ends[1], kid, sizeof kid) == sizeof kid ? 0 : 1);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(read(ends[0], seen[i], sizeof seen[i]), sizeof seen[i]);
        assert_string_equal(seen[i], seen[0]);
    }
    while (wait(NULL) > 0) continue;
    close(ends[0]);
    close(ends[1]);
    assert_string_not_equal(seen[0], "failed");
    assert_int_equal(files_in_folder(), 1);
}

static void refused(const char *text, const char *reason) {
    write_file(text, 0400);
    buf_reset(&why);
    assert_int_equal(keys_load(path, T0, &why), ERR_INTERNAL);
    if (!strstr(buf_text(&why), reason)) fail_msg("\"%s\" does not say \"%s\"", buf_text(&why), reason);
    assert_null(strstr(buf_text(&why), "MDEyMz"));
}

static void test_bad_files(void **state) {
    (void)state;
    refused("", "not JSON");
    refused("{", "not JSON");
    refused("[]", "members");
    refused("{\"keys\":[" KEY("a", SECRET1) "]}", "members");
    refused("{\"keys\":[]," BOX "}", "none is left to sign");
    refused("{\"keys\":{}," BOX "}", "list");
    refused("{\"keys\":[" KEY("a", SECRET1) "],\"box\":\"AAAA\"}", "box");
    refused("{\"keys\":[" KEY("a", SECRET1) "]," BOX ",\"x\":1}", "members");
    refused("{\"keys\":[" KEY("a", SECRET1) "]," BOX "," BOX "}", "not JSON");
    refused("{\"keys\":[" KEY("a", "") "]," BOX "}", "shorter");
    refused("{\"keys\":[" KEY("a", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZQ") "]," BOX "}", "shorter");
    refused("{\"keys\":[" KEY("a", SECRET1 "=") "]," BOX "}", "base64url");
    refused("{\"keys\":[" KEY("", SECRET1) "]," BOX "}", "kid");
    refused("{\"keys\":[" KEY("../a", SECRET1) "]," BOX "}", "kid");
    refused("{\"keys\":[" KEY("a", SECRET1) "," KEY("a", SECRET2) "]," BOX "}", "stands twice");
    refused("{\"keys\":[" KEY("a", SECRET1) "," KEY("b", SECRET1) "]," BOX "}", "same secret");
    refused("{\"keys\":[{\"kid\":\"a\",\"alg\":\"none\",\"secret\":\"" SECRET1 "\",\"created\":1}]," BOX "}", "alg");
    refused("{\"keys\":[{\"kid\":\"a\",\"alg\":\"HS512\",\"secret\":\"" SECRET1 "\",\"created\":1}]," BOX "}",
            "shorter");
    refused("{\"keys\":[{\"kid\":\"a\",\"alg\":\"HS256\",\"secret\":\"" SECRET1 "\",\"created\":\"1\"}]," BOX "}",
            "members");
    refused("{\"keys\":[{\"kid\":\"a\",\"alg\":\"HS256\",\"secret\":\"" SECRET1 "\",\"created\":-1}]," BOX "}",
            "negative");
    refused("{\"keys\":[{\"kid\":\"a\",\"alg\":\"HS256\",\"secret\":\"" SECRET1 "\",\"created\":1,\"retired\":2}]," BOX
            "}",
            "none is left");
}

static void test_modes_and_kinds(void **state) {
    (void)state;
    static const mode_t open_modes[] = {0440, 0404, 0644, 0620, 0602, 0410};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        write_file("{\"keys\":[" KEY("a", SECRET1) "]," BOX "}", open_modes[i]);
        buf_reset(&why);
        assert_int_equal(keys_load(path, T0, &why), ERR_INTERNAL);
        assert_non_null(strstr(buf_text(&why), "chmod 0400"));
    }
    unlink(path);
    assert_int_equal(mkfifo(path, 0400), 0);
    assert_int_equal(keys_load(path, T0, &why), ERR_INTERNAL);
    unlink(path);
    assert_int_equal(keys_load("/no/such/folder/keys.json", T0, &why), ERR_INTERNAL);
    assert_int_equal(keys_load(folder, T0, &why), ERR_INTERNAL);
}

static void test_rotation(void **state) {
    (void)state;
    char first[KEY_ID_MAX + 1], second[KEY_ID_MAX + 1];
    struct stat st;
    assert_int_equal(keys_load(path, T0, &why), OK);
    strcpy(first, signing_kid(T0));
    assert_int_equal(keys_rotate(path, T0 + 60000, second, &why), OK);
    assert_string_not_equal(first, second);
    assert_true(known(second)); /* an unknown kid makes it look at once */
    assert_true(known(first));
    assert_string_equal(signing_kid(T0 + 60000), first);
    assert_string_equal(signing_kid(T0 + 60000 + KEYS_SETTLE_MS), second);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(files_in_folder(), 1);
}

static void test_rotation_drops_old_keys(void **state) {
    (void)state;
    char kid[KEY_ID_MAX + 1], first[KEY_ID_MAX + 1];
    assert_int_equal(keys_load(path, T0, &why), OK);
    strcpy(first, signing_kid(T0));
    assert_int_equal(keys_rotate(path, T0 + 1, kid, &why), OK);
    assert_int_equal(keys_rotate(path, T0 + KEYS_KEEP_MS, kid, &why), OK);
    assert_int_equal(keys_reload(&why), OK);
    assert_true(known(first));
    assert_int_equal(keys_rotate(path, T0 + KEYS_KEEP_MS + KEYS_SETTLE_MS + 2, kid, &why), OK);
    assert_int_equal(keys_reload(&why), OK);
    assert_false(known(first));
    assert_true(known(kid));
}

static void test_rotation_has_an_end(void **state) {
    (void)state;
    char kid[KEY_ID_MAX + 1];
    assert_int_equal(keys_load(path, T0, &why), OK);
    for (int i = 1; i < KEYS_MAX; i++) assert_int_equal(keys_rotate(path, T0 + i, kid, &why), OK);
    assert_int_equal(keys_rotate(path, T0 + KEYS_MAX, kid, &why), ERR_CONFLICT);
    assert_int_equal(keys_reload(&why), OK);
}

static void test_rotations_at_once_lose_none(void **state) {
    (void)state;
    enum { N = 8 };
    char kids[N][KEY_ID_MAX + 1];
    int ends[2];
    assert_int_equal(keys_load(path, T0, &why), OK);
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < N; i++) {
        if (fork()) continue;
        char kid[KEY_ID_MAX + 1] = "failed";
        if (keys_rotate(path, T0 + i, kid, NULL) != OK) strcpy(kid, "failed");
        _exit(write(ends[1], kid, sizeof kid) == sizeof kid ? 0 : 1);
    }
    for (int i = 0; i < N; i++) assert_int_equal(read(ends[0], kids[i], sizeof kids[i]), sizeof kids[i]);
    while (wait(NULL) > 0) continue;
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(keys_reload(&why), OK);
    for (int i = 0; i < N; i++) assert_true(known(kids[i]));
}

static void test_broken_file_keeps_the_keys(void **state) {
    (void)state;
    write_file("{\"keys\":[" KEY("a", SECRET1) "]," BOX "}", 0400);
    assert_int_equal(keys_load(path, T0, &why), OK);
    write_file("{\"keys\":", 0400);
    assert_int_equal(keys_reload(&why), ERR_INTERNAL);
    assert_int_equal(keys_reload(&why), ERR_INTERNAL);
    assert_true(known("a"));
    unlink(path);
    assert_int_equal(keys_reload(&why), ERR_INTERNAL);
    assert_true(known("a"));
    write_file("{\"keys\":[" KEY("b", SECRET2) "]," BOX "}", 0400);
    assert_int_equal(keys_reload(&why), OK);
    assert_true(known("b"));
    assert_false(known("a"));
}

static void test_nothing_loaded(void **state) {
    (void)state;
    struct key k;
    unsigned char out[64];
    assert_false(keys_signing(T0, &k));
    assert_false(keys_find("a", &k));
    assert_int_equal(keys_reload(&why), ERR_INTERNAL);
    assert_int_equal(keys_seal("p", "x", 1, out), ERR_INTERNAL);
}

static void test_seal(void **state) {
    (void)state;
    unsigned char sealed[20 + KEYS_SEAL_EXTRA], again[20 + KEYS_SEAL_EXTRA], plain[20];
    assert_int_equal(keys_load(path, T0, &why), OK);
    assert_int_equal(keys_seal("totp:u1", "01234567890123456789", 20, sealed), OK);
    assert_int_equal(keys_seal("totp:u1", "01234567890123456789", 20, again), OK);
    assert_memory_not_equal(sealed, again, sizeof sealed);
    assert_int_equal(keys_open("totp:u1", sealed, sizeof sealed, plain), OK);
    assert_memory_equal(plain, "01234567890123456789", 20);
    assert_int_equal(keys_open("totp:u2", sealed, sizeof sealed, plain), ERR_INTERNAL);
    assert_int_equal(keys_open("totp:u1", sealed, sizeof sealed - 1, plain), ERR_INTERNAL);
    assert_int_equal(keys_open("totp:u1", sealed, KEYS_SEAL_EXTRA - 1, plain), ERR_INTERNAL);
    for (size_t i = 0; i < sizeof sealed; i++) {
        sealed[i] ^= 1;
        assert_int_equal(keys_open("totp:u1", sealed, sizeof sealed, plain), ERR_INTERNAL);
        sealed[i] ^= 1;
    }
    assert_int_equal(keys_seal("totp:u1", "", 0, sealed), OK);
    assert_int_equal(keys_open("totp:u1", sealed, KEYS_SEAL_EXTRA, plain), OK);
    assert_int_equal(keys_seal("x", sealed, KEYS_SEAL_MAX + 1, NULL), ERR_INVALID);
}

static atomic_bool stop;
static char lasting[KEY_ID_MAX + 1];

static void *keep_asking(void *failures) {
    while (!stop) {
        scope_key struct key k = {0};
        if (!keys_signing(T0, &k) || !keys_find(lasting, &k)) atomic_fetch_add((atomic_int *)failures, 1);
    }
    return NULL;
}

static void test_no_request_fails_while_rotating(void **state) {
    (void)state;
    atomic_int failures = 0;
    pthread_t threads[4];
    char kid[KEY_ID_MAX + 1];
    assert_int_equal(keys_load(path, T0, &why), OK);
    strcpy(lasting, signing_kid(T0));
    stop = false;
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, keep_asking, &failures);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(keys_rotate(path, T0 + i, kid, &why), OK);
        assert_true(known(kid));
    }
    stop = true;
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    assert_int_equal(failures, 0);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_made_when_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_start_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_modes_and_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotation_drops_old_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotation_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotations_at_once_lose_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_file_keeps_the_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_loaded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_seal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_request_fails_while_rotating, setup, teardown),
    };
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/keys.json", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
