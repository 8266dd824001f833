#include "demo/session.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

/* lz4 costs a tenth of the default; where PostgreSQL was built without it, the default does. */
static enum err set_up(struct db_admin *admin) {
    scope_rows struct rows lz4 = {0};
    TRY(db_admin_run(admin, "set synchronous_commit = off;"
                            "set idle_in_transaction_session_timeout = 0; set statement_timeout = 0; set jit = off;"
                            "set client_min_messages = warning"));
    return db_admin_query(admin, &lz4,
                          "select set_config('default_toast_compression', 'lz4', false)"
                          "  from pg_settings where name = 'default_toast_compression' and 'lz4' = any (enumvals)",
                          "");
}

struct db_admin *session_open(const char *owner_url) {
    struct db_admin *admin = db_admin_open(owner_url);
    if (admin && set_up(admin) != OK) db_admin_close(&admin);
    return admin;
}

enum err session_trust(struct db_admin *admin) { return db_admin_run(admin, "set session_replication_role = replica"); }

enum err session_copy(struct db_admin *admin, const char *table, const char *columns, const struct copy *rows) {
    enum { PART_BYTES = 1 << 20 };
    char sql[1024];
    const struct buf *b = &rows->rows;
    if (!b->len) return OK;
    snprintf(sql, sizeof sql, "copy %s (%s) from stdin (format binary)", table, columns);
    TRY(db_admin_copy_begin(admin, sql));
    TRY(db_admin_copy_add(admin, copy_head, sizeof copy_head));
    for (size_t at = 0; at < b->len; at += PART_BYTES) {
        size_t left = b->len - at;
        TRY(db_admin_copy_add(admin, b->data + at, left < PART_BYTES ? left : PART_BYTES));
    }
    TRY(db_admin_copy_add(admin, copy_tail, sizeof copy_tail));
    return db_admin_copy_end(admin);
}

/* ---- progress ---- */

static void say(struct progress *p, int64_t done, const char *end) {
    int64_t ms = monotonic_ms() - p->begun_ms;
    double rate = ms > 0 ? (double)done * 1000 / (double)ms : 0;
    fprintf(stderr, "%s%-10s %10lld of %lld (%d %%), %.0f/s, %.1f s%s", isatty(STDERR_FILENO) ? "\r" : "", p->what,
            (long long)done, (long long)p->total, p->total ? (int)(done * 100 / p->total) : 100, rate,
            (double)ms / 1000, end);
}

void progress_begin(struct progress *p, const char *what, int64_t total) {
    p->what = what;
    p->total = total;
    p->begun_ms = monotonic_ms();
    atomic_store(&p->done, 0);
    atomic_store(&p->said_ms, p->begun_ms);
}

void progress_add(struct progress *p, int64_t n) {
    bool terminal = isatty(STDERR_FILENO);
    int64_t done = atomic_fetch_add(&p->done, n) + n, now = monotonic_ms();
    long said = atomic_load(&p->said_ms);
    if (done >= p->total || now - said < (terminal ? 500 : 10000)) return;
    if (atomic_compare_exchange_strong(&p->said_ms, &said, now)) say(p, done, terminal ? "" : "\n");
}

void progress_end(struct progress *p) {
    bool quick = monotonic_ms() - p->begun_ms < 3000;
    if (!quick || isatty(STDERR_FILENO)) say(p, atomic_load(&p->done), "\n");
}
