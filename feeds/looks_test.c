#include "feeds/looks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/unit.h"

/* ---- the ledger of this test, in the place of feeds/ledger_rows.c ---- */

static atomic_int reads, pages; /* begun; in memory */
static atomic_bool held;
static enum err outcome;
static size_t row_bytes;

static void pause_ms(long ms) { nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL); }

enum err ledger_read(const struct ledger_filter *f, int64_t after, int64_t limit, struct ledger_page *out) {
    (void)f, (void)limit;
    atomic_fetch_add(&reads, 1);
    while (atomic_load(&held)) pause_ms(1);
    atomic_fetch_add(&pages, 1);
    *out = (struct ledger_page){.n = 1, .next = after + 1};
    return outcome;
}

void ledger_page_free(struct ledger_page *p) {
    if (p->n) atomic_fetch_sub(&pages, 1);
}

size_t ledger_row_bytes(const struct ledger_page *p, int i) {
    (void)p, (void)i;
    return row_bytes;
}

static int begin(void **state) {
    (void)state;
    atomic_store(&reads, 0);
    outcome = OK;
    row_bytes = 100;
    return 0;
}

/* ---- streams ---- */

enum { STREAMS = 8 };

static struct ledger_filter all_of(const char *client_id) {
    return (struct ledger_filter){.scope = client_scope(client_id), .session_id = "me"};
}

/* How often that asks the ledger. */
static int reads_of(const struct ledger_filter *f, int64_t after, int64_t limit, int64_t stamp) {
    scope_look struct look *l = NULL;
    int before = atomic_load(&reads);
    assert_int_equal(look_read(f, after, limit, stamp, &l), OK);
    assert_int_equal(look_page(l)->next, after + 1);
    return atomic_load(&reads) - before;
}

static atomic_int came, told;

static void *stream(void *arg) {
    scope_look struct look *l = NULL;
    atomic_fetch_add(&came, 1);
    if (look_read(arg, 5, 10, 1000, &l) == outcome) atomic_fetch_add(&told, 1);
    return NULL;
}

/* All of them, while the first to ask waits for its rows. */
static void look_together(struct ledger_filter *f) {
    pthread_t threads[STREAMS];
    atomic_store(&came, 0);
    atomic_store(&told, 0);
    atomic_store(&held, true);
    for (int i = 0; i < STREAMS; i++) pthread_create(&threads[i], NULL, stream, f);
    while (atomic_load(&came) < STREAMS) pause_ms(1);
    pause_ms(100);
    atomic_store(&held, false);
    for (int i = 0; i < STREAMS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&told), STREAMS);
}

static void test_one_asks_for_all(void **state) {
    (void)state;
    struct ledger_filter f = all_of("together");
    look_together(&f);
    assert_int_equal(atomic_load(&reads), 1);
}

static void test_who_comes_later_takes_what_is_new_enough(void **state) {
    (void)state;
    struct ledger_filter f = all_of("later");
    assert_int_equal(reads_of(&f, 5, 10, 1000), 1);
    assert_int_equal(reads_of(&f, 5, 10, 1000), 0);
    assert_int_equal(reads_of(&f, 5, 10, 999), 0);
    assert_int_equal(reads_of(&f, 5, 10, 1001), 1);
}

/* Rows never go to a stream that would not have got them itself. */
static void test_others_ask_for_themselves(void **state) {
    (void)state;
    const char *incidents[] = {"incident_details"}, *two[] = {"incident_details", "incident_comment"};
    struct ledger_filter f = all_of("alike"), other = all_of("another"), tenant = f, kind = f, kinds = f, incident = f,
                         mine = f, yours;
    tenant.scope.tenants = "tokyo";
    kind.kinds = (struct strings){.n = 1, .v = incidents};
    kinds.kinds = (struct strings){.n = 2, .v = two};
    incident.incident_id = "i";
    mine.ignore_self = true;
    yours = mine;
    yours.session_id = "you";
    const struct ledger_filter *all[] = {&f, &other, &tenant, &kind, &kinds, &incident, &mine, &yours};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) assert_int_equal(reads_of(all[i], 5, 10, 1000), 1);
    assert_int_equal(reads_of(&f, 6, 10, 1000), 1);
    assert_int_equal(reads_of(&f, 5, 11, 1000), 1);
}

static void test_who_asks_is_no_difference_where_own_rows_are_shown(void **state) {
    (void)state;
    struct ledger_filter f = all_of("own rows"), yours = f;
    yours.session_id = "you";
    assert_int_equal(reads_of(&f, 5, 10, 1000), 1);
    assert_int_equal(reads_of(&yours, 5, 10, 1000), 0);
}

/* Who waited is told; the next asks again. */
static void test_a_failure_is_not_kept(void **state) {
    (void)state;
    struct ledger_filter f = all_of("failing");
    outcome = ERR_UNAVAILABLE;
    look_together(&f);
    assert_int_equal(atomic_load(&reads), 1);
    outcome = OK;
    assert_int_equal(reads_of(&f, 5, 10, 1000), 1);
}

static void test_many_rows_are_not_kept(void **state) {
    (void)state;
    struct ledger_filter f = all_of("large");
    row_bytes = 1024 * 1024;
    int before = atomic_load(&pages);
    look_together(&f);
    assert_int_equal(atomic_load(&reads), 1);
    assert_int_equal(atomic_load(&pages), before);
    assert_int_equal(reads_of(&f, 5, 10, 1000), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_asks_for_all, begin),
        cmocka_unit_test_setup(test_who_comes_later_takes_what_is_new_enough, begin),
        cmocka_unit_test_setup(test_others_ask_for_themselves, begin),
        cmocka_unit_test_setup(test_who_asks_is_no_difference_where_own_rows_are_shown, begin),
        cmocka_unit_test_setup(test_a_failure_is_not_kept, begin),
        cmocka_unit_test_setup(test_many_rows_are_not_kept, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
