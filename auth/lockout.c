#include "auth/lockout.h"

#include "auth/pair.h"
#include "base/clock.h"

_Static_assert(LOCKOUT_FAILURES == 10 && LOCKOUT_MS == 900000, "the numbers stand in the SQL too");

static enum err check_address(struct request *r, struct tx *tx, int64_t now) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select first_at + 900000 - $3 from login_failures"
               " where client_id = $1 and subject = 'address:' || $2 and failures >= 10 and first_at > $3 - 900000",
               "ssi", r->client_id, r->address, now));
    if (!rows.n) return OK;
    r->fault.retry_after_s = (int)(rows_int(&rows, 0, 0) / 1000) + 1;
    return fail(r, ERR_RATE, "Too many failed log-ins from this address; wait as long as Retry-After says.");
}

/* first_at: of the first failure, and from the tenth on the beginning of the lock. The eleventh is never counted on, so
 * the lock ends 15 minutes after it began. Old rows go by the way, which bounds the table by the rate of guessing. */
static enum err count(struct tx *tx, const char *client_id, const char *subject, int64_t now, int64_t *failures) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "with old as (delete from login_failures"
               "              where client_id = $1 and first_at <= $3 - 900000 and subject <> $2)"
               " insert into login_failures as f (client_id, subject, failures, first_at)"
               " select $1, $2, 1, $3 from clients where client_id = $1"
               " on conflict (client_id, subject) do update"
               "    set failures = case when f.first_at <= $3 - 900000 then 1 else least(f.failures + 1, 11) end,"
               "        first_at = case when f.first_at <= $3 - 900000 or f.failures = 9 then $3 else f.first_at end"
               " returning failures",
               "ssi", client_id, subject, now));
    *failures = rows.n ? rows_int(&rows, 0, 0) : 0;
    return OK;
}

static enum err count_account(struct request *r, struct tx *tx, const char *email, int64_t now, int64_t *failures) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select 'account:' || lower($1)", "s", email));
    return count(tx, r->client_id, rows_text(&rows, 0, 0), now, failures);
}

enum err lockout_attempt(struct request *r, const char *email, bool *locked) {
    int64_t now = now_ms(), failures = 0;
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(check_address(r, &tx, now));
    TRY(count_account(r, &tx, email, now, &failures));
    /* No such client: nobody's time to protect, and no password to be hashed for it. */
    if (!failures) return ERR_CREDENTIALS;
    *locked = failures > LOCKOUT_FAILURES;
    return tx_commit(&tx);
}

enum err lockout_failed(struct request *r) {
    int64_t failures = 0;
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(count(&tx, r->client_id, arena_printf(r->arena, "address:%s", r->address), now_ms(), &failures));
    return tx_commit(&tx);
}

enum err lockout_passed(struct tx *tx, const char *client_id, const char *email) {
    return tx_run(tx, NULL, "delete from login_failures where client_id = $1 and subject = 'account:' || lower($2)",
                  "ss", client_id, email);
}
