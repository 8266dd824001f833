#include "auth/write.h"

#include "auth/idempotency.h"
#include "base/feed.h"

enum err write_begin(struct request *r, struct tx *tx) { return tx_begin_write(tx, &r->scope); }

/* Not the row in `clients`: those who share a row's lock pass whoever waits for all of it, as long as some of them come. Here who
 * comes later waits behind. */
enum err write_lock_client(struct request *r, struct tx *tx) {
    return tx_run(tx, NULL, "select pg_advisory_xact_lock(hashtextextended($1, 0))", "s", r->client_id);
}

enum err write_share_client(struct request *r, struct tx *tx) {
    return tx_run(tx, NULL, "select pg_advisory_xact_lock_shared(hashtextextended($1, 0))", "s", r->client_id);
}

enum err write_scope(struct tx *tx, bool wide) {
    const char *own = tx->scope.tenants ? tx->scope.tenants : "*";
    return tx_run(tx, NULL, "select set_config('mdr.tenants', $1, true)", "s", wide ? "*" : own);
}

enum err write_clock(struct tx *tx, int n, int64_t *first) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select ledger_clock($1::integer)", "i", (int64_t)n));
    *first = rows_int(&rows, 0, 0);
    return OK;
}

enum err write_commit(struct request *r, struct tx *tx, int64_t last, struct reply *out) {
    if (out->body.failed) return ERR_INTERNAL;
    TRY(idempotency_finish(r, tx, out));
    TRY(tx_commit(tx));
    if (last) feed_published(r->client_id, last);
    return OK;
}

struct change change_of(const struct request *r) {
    return (struct change){.by = r->who.name, .connection = r->who.session_id};
}

enum err change_stamp(struct tx *tx, struct change *c) { return c->stamp ? OK : write_clock(tx, 1, &c->stamp); }
