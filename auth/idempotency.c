#include "auth/idempotency.h"

#include "base/clock.h"

enum err idempotency_begin(struct request *r, struct reply *out, bool *replayed) {
    struct db_scope scope = client_scope(r->client_id);
    scope_rows struct rows rows = {0};
    *replayed = false;
    TRY(db_read(&scope, &rows,
                "select body_hash = $5, reply from idempotency"
                " where client_id = $1 and session_id = $2 and operation = $3 and key = $4 and creation_time > $6",
                "sssssi", r->client_id, r->who.session_id, r->operation, r->idempotency.key, r->idempotency.body_hash,
                now_ms() - IDEMPOTENCY_KEEP_MS));
    if (!rows.n) return OK;
    if (!rows_bool(&rows, 0, 0))
        return fail(r, ERR_IDEMPOTENCY_MISMATCH, "This Idempotency-Key was used with another body; use a new key.");
    buf_add(&out->body, rows_text(&rows, 0, 1), rows_len(&rows, 0, 1));
    *replayed = true;
    return OK;
}

/* Expired rows go by the way. An insert that meets the row of a transaction still open waits for its end. */
enum err idempotency_finish(struct request *r, struct tx *tx, const struct reply *out) {
    if (!r->idempotency.key) return OK;
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "with old as (delete from idempotency where (client_id, session_id, operation, key) in ("
               "   select client_id, session_id, operation, key from idempotency"
               "    where client_id = $1 and creation_time <= $7 - $8 and key <> $4"
               "    order by creation_time limit 20 for update skip locked))"
               " insert into idempotency as i (client_id, session_id, operation, key, body_hash, reply, creation_time)"
               " values ($1, $2, $3, $4, $5, $6, $7)"
               " on conflict (client_id, session_id, operation, key) do update"
               "    set body_hash = $5, reply = $6, creation_time = $7 where i.creation_time <= $7 - $8"
               " returning 1",
               "ssssssii", r->client_id, r->who.session_id, r->operation, r->idempotency.key, r->idempotency.body_hash,
               buf_text(&out->body), now_ms(), (int64_t)IDEMPOTENCY_KEEP_MS));
    if (rows.n) return OK;
    r->fault.retry_after_s = 1;
    return fail(r, ERR_IDEMPOTENCY_RUNNING,
                "A request with this Idempotency-Key was running at the same time; ask again.");
}
