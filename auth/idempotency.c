#include "auth/idempotency.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* A row older than the takeover time belongs to a process that died: its change is not committed, or `done` would be set. */
static enum err take(struct request *r, struct tx *tx, bool *taken) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "with old as (delete from idempotency where (client_id, session_id, operation, key) in ("
        "   select client_id, session_id, operation, key from idempotency"
        "    where client_id = $1 and creation_time < $6 - $7 and key <> $4"
        "    order by creation_time limit 20 for update skip locked))"
        " insert into idempotency as i (client_id, session_id, operation, key, body_hash, attempt, creation_time)"
        " values ($1, $2, $3, $4, $5, $6, $6)"
        " on conflict (client_id, session_id, operation, key) do update"
        "    set attempt = $6, creation_time = $6, body_hash = $5, done = false, reply = ''"
        "  where i.creation_time < $6 - $7 or (not i.done and i.body_hash = $5 and i.attempt < $6 - $8)"
        " returning 1",
        "sssssiii", r->client_id, r->who.session_id, r->operation, r->idempotency.key, r->idempotency.body_hash,
        r->idempotency.attempt, (int64_t)IDEMPOTENCY_KEEP_MS, (int64_t)IDEMPOTENCY_TAKEOVER_MS));
    *taken = rows.n > 0;
    return OK;
}

static enum err answer_of(struct request *r, struct tx *tx, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select body_hash = $5, done, reply from idempotency"
               " where client_id = $1 and session_id = $2 and operation = $3 and key = $4",
               "sssss", r->client_id, r->who.session_id, r->operation, r->idempotency.key, r->idempotency.body_hash));
    if (!rows.n || (rows_bool(&rows, 0, 0) && !rows_bool(&rows, 0, 1))) {
        r->fault.retry_after_s = 1;
        return fail(r, ERR_IDEMPOTENCY_RUNNING, "A request with this Idempotency-Key is still running; ask again.");
    }
    if (!rows_bool(&rows, 0, 0))
        return fail(r, ERR_IDEMPOTENCY_MISMATCH, "This Idempotency-Key was used with another body; use a new key.");
    buf_reset(&out->body);
    buf_add(&out->body, rows_text(&rows, 0, 2), rows_len(&rows, 0, 2));
    return OK;
}

enum err idempotency_begin(struct request *r, struct reply *out, bool *replayed) {
    *replayed = false;
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    r->idempotency.attempt = now_ms();
    bool taken = false;
    TRY(take(r, &tx, &taken));
    if (taken) return tx_commit(&tx);
    TRY(answer_of(r, &tx, out));
    *replayed = true;
    return OK;
}

enum err idempotency_finish(struct request *r, struct tx *tx, const struct reply *out) {
    if (!r->idempotency.key) return OK;
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "update idempotency set done = true, reply = $6"
               " where client_id = $1 and session_id = $2 and operation = $3 and key = $4 and attempt = $5 and not done"
               " returning 1",
               "ssssis", r->client_id, r->who.session_id, r->operation, r->idempotency.key, r->idempotency.attempt,
               buf_text(&out->body)));
    if (rows.n) return OK;
    return fail(r, ERR_IDEMPOTENCY_RUNNING, "Another request with this Idempotency-Key took over.");
}

void idempotency_release(struct request *r) {
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    enum err e = tx_begin(&tx, &scope);
    if (e == OK)
        e = tx_run(&tx, NULL,
                   "delete from idempotency where client_id = $1 and session_id = $2 and operation = $3 and key = $4"
                   " and attempt = $5 and not done",
                   "ssssi", r->client_id, r->who.session_id, r->operation, r->idempotency.key, r->idempotency.attempt);
    if (e == OK) e = tx_commit(&tx);
    if (e != OK) LOG(WARN, "idempotency_release_failed", log_s("request_id", r->request_id));
}
