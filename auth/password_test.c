#include "auth/password.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "tests/unit.h"

static void test_hash_and_verify(void **state) {
    (void)state;
    char a[PASSWORD_HASH_BYTES], b[PASSWORD_HASH_BYTES];
    assert_int_equal(password_hash("correct horse battery", a), OK);
    assert_int_equal(password_hash("correct horse battery", b), OK);
    assert_string_not_equal(a, b);
    assert_memory_equal(a, "$argon2id$v=19$m=32768,t=3,p=1$", 31);
    assert_int_equal(password_verify(a, "correct horse battery"), OK);
    assert_int_equal(password_verify(a, "correct horse batterz"), ERR_CREDENTIALS);
    assert_int_equal(password_verify(a, "correct horse battery "), ERR_CREDENTIALS);
    assert_int_equal(password_verify(a, ""), ERR_CREDENTIALS);
}

static void test_bad_hashes(void **state) {
    (void)state;
    assert_int_equal(password_verify("", "correct horse battery"), ERR_CREDENTIALS);
    assert_int_equal(password_verify("plain", "plain"), ERR_CREDENTIALS);
    assert_int_equal(password_verify("$argon2id$v=19$m=32768,t=3,p=1$", ""), ERR_CREDENTIALS);
}

static void test_long_passwords(void **state) {
    (void)state;
    char hash[PASSWORD_HASH_BYTES], text[PASSWORD_BYTES_MAX + 2];
    memset(text, 'x', sizeof text);
    text[PASSWORD_BYTES_MAX + 1] = 0;
    assert_int_equal(password_hash(text, hash), ERR_INVALID);
    assert_int_equal(password_verify("$argon2id$", text), ERR_CREDENTIALS);
    assert_int_equal(password_verify_dummy(text), ERR_CREDENTIALS);
    text[PASSWORD_BYTES_MAX] = 0;
    assert_int_equal(password_hash(text, hash), OK);
    assert_int_equal(password_verify(hash, text), OK);
    text[PASSWORD_BYTES_MAX - 1] = 'y';
    assert_int_equal(password_verify(hash, text), ERR_CREDENTIALS);
}

static double fastest(const char *hash) {
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        int64_t start = monotonic_ms();
        enum err e = hash ? password_verify(hash, "some wrong password") : password_verify_dummy("some wrong password");
        assert_int_equal(e, ERR_CREDENTIALS);
        double took = (double)(monotonic_ms() - start);
        if (took < best) best = took;
    }
    return best;
}

/* The bounds are wide because the machine is shared; an answer without hashing would be a thousand times quicker. */
static void test_unknown_user_takes_as_long(void **state) {
    (void)state;
    char hash[PASSWORD_HASH_BYTES];
    assert_int_equal(password_hash("correct horse battery", hash), OK);
    double known = fastest(hash), unknown = fastest(NULL);
    print_message("known %.1f ms, unknown %.1f ms\n", known, unknown);
    assert_true(unknown > known / 2 && unknown < known * 2);
}

static atomic_int answers[ERR_COUNT];

static void *one_hash(void *unused) {
    (void)unused;
    atomic_fetch_add(&answers[password_verify_dummy("some wrong password")], 1);
    return NULL;
}

/* Far more than two seconds' worth at once: some are answered, the rest told to come again, none waits much longer. */
static void test_gate(void **state) {
    (void)state;
    enum { N = 200 };
    pthread_t threads[N];
    int64_t start = monotonic_ms();
    one_hash(NULL);
    double one = (double)(monotonic_ms() - start);
    start = monotonic_ms();
    for (int i = 0; i < N; i++) assert_int_equal(pthread_create(&threads[i], NULL, one_hash, NULL), 0);
    for (int i = 0; i < N; i++) pthread_join(threads[i], NULL);
    double took = (double)(monotonic_ms() - start);
    print_message("%d at once: %d hashed, %d sent away, %.0f ms in all, one alone %.0f ms\n", N,
                  answers[ERR_CREDENTIALS] - 1, answers[ERR_UNAVAILABLE], took, one);
    assert_int_equal(answers[ERR_CREDENTIALS] + answers[ERR_UNAVAILABLE], N + 1);
    assert_true(took < PASSWORD_WAIT_MS + 20 * one + 1000);
    assert_int_equal(password_verify_dummy("the gate opens again"), ERR_CREDENTIALS);
}

static void check(const char *password, enum err expected) {
    const char *detail = "?";
    assert_int_equal(password_check(password, "Taro.Yamada-san@example.jp", &detail), expected);
    assert_true((detail == NULL) == (expected == OK));
}

static void test_policy(void **state) {
    (void)state;
    char text[PASSWORD_BYTES_MAX + 2];
    check("twelve chars", OK);
    check("eleven char", ERR_INVALID);
    check("", ERR_INVALID);
    check("\xe6\xad\xa3\xe3\x81\x97\xe3\x81\x84\xe9\xa6\xac\xe9\x9b\xbb\xe6\xb1\xa0\xe3\x83\x9b\xe3\x83\x81\xe3\x82\xad"
          "\xe3\x82\xb9\xe9\x87\x9d\xe7\xae\xb1",
          OK);
    check("\xe6\xad\xa3\xe3\x81\x97\xe3\x81\x84\xe9\xa6\xac\xe9\x9b\xbb\xe6\xb1\xa0", ERR_INVALID);
    check("taro.yamada-SAN@example.jp", ERR_INVALID);
    check("taro.yamada-san", ERR_INVALID);
    check("taro.yamada-san-1", OK);
    check("aaaaaaaaaaaaaaaa", ERR_INVALID);
    check("twelve chars\xff", ERR_INVALID);
    check("twelve chars\xc0\xaf", ERR_INVALID);
    check("twelve chars\xed\xa0\x80", ERR_INVALID);
    check("twelve chars\xf4\x90\x80\x80", ERR_INVALID);
    check("twelve chars\xe6\xad", ERR_INVALID);
    check("twelve char\xf0\x9f\x90\xb4", OK);
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i % 26);
    text[PASSWORD_BYTES_MAX + 1] = 0;
    check(text, ERR_INVALID);
    text[PASSWORD_BYTES_MAX] = 0;
    check(text, OK);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash_and_verify),
        cmocka_unit_test(test_bad_hashes),
        cmocka_unit_test(test_long_passwords),
        cmocka_unit_test(test_unknown_user_takes_as_long),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
