#include "notify/readers.h"

#include "base/clock.h"

#define PAUSED "9223372036854775807"

static const struct db_scope all_clients = {.client_id = "", .worker = true};

enum err readers_find_part(const char *kind, bool failing, int parts, int part, int limit, struct rows *out) {
    return db_read(
        &all_clients, out,
        "select r.client_id, r.reader_id from readers r join clocks c on c.client_id = r.client_id"
        " where r.kind = $1 and (r.failures > 0) = $2 and r.position < c.position and r.due_at <= " SQL_NOW_MS
        "   and (hashtext(r.reader_id) & 65535) % $4 = $5"
        " order by r.due_at limit $3",
        "sbiii", kind, failing, (int64_t)limit, (int64_t)parts, (int64_t)part);
}

enum err readers_find(const char *kind, bool failing, int limit, struct rows *out) {
    return readers_find_part(kind, failing, 1, 0, limit, out);
}

enum err readers_count(const char *kind, int64_t *all, int64_t *behind) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&all_clients, &rows,
                "select count(*), count(*) filter (where r.position < c.position)"
                "  from readers r join clocks c on c.client_id = r.client_id"
                " where r.kind = $1 and r.due_at < " PAUSED,
                "s", kind));
    *all = rows_int(&rows, 0, 0);
    *behind = rows_int(&rows, 0, 1);
    return OK;
}

void reader_take_sql(struct sql *q, const char *client_id, const struct reader *r) {
    sql_add(q,
            "with free as (select client_id, kind, reader_id from readers"
            "               where client_id = ? and kind = ? and reader_id = ? and due_at <= " SQL_NOW_MS
            "                 for no key update skip locked)"
            " update readers r set due_at = " SQL_NOW_MS " + ?, epoch = r.epoch + 1 from clocks c, free f"
            " where r.client_id = f.client_id and r.kind = f.kind and r.reader_id = f.reader_id and c.client_id = "
            "r.client_id"
            " returning r.position, c.position as newest, r.epoch, r.failures,"
            "       case when r.failing_since > 0 then " SQL_NOW_MS " - r.failing_since else 0 end as failing_ms",
            "sssi", client_id, r->kind, r->reader_id, (int64_t)READER_LEASE_MS);
}

void reader_done_sql(struct sql *q, const char *client_id, const struct reader *r, int64_t position, bool keep) {
    sql_add(q,
            "update readers r set position = ?, due_at = " SQL_NOW_MS
            " + ?, failures = 0, failing_since = 0 from clocks c"
            " where r.client_id = ? and r.kind = ? and r.reader_id = ? and r.epoch = ? and r.position <= ?"
            "   and c.client_id = r.client_id"
            " returning c.position as newest",
            "iisssii", position, (int64_t)(keep ? READER_LEASE_MS : 0), client_id, r->kind, r->reader_id, r->epoch,
            position);
}

void reader_failed_sql(struct sql *q, const char *client_id, const struct reader *r, int64_t delay_ms) {
    sql_add(q,
            "update readers set due_at = " SQL_NOW_MS " + ?, failures = failures + 1,"
            "       failing_since = case when failing_since > 0 then failing_since else " SQL_NOW_MS " end"
            " where client_id = ? and kind = ? and reader_id = ? and epoch = ? returning 1",
            "isssi", delay_ms, client_id, r->kind, r->reader_id, r->epoch);
}

void reader_read(const struct rows *rows, struct reader *r) {
    r->position = rows_int(rows, 0, 0);
    r->newest = rows_int(rows, 0, 1);
    r->epoch = rows_int(rows, 0, 2);
    r->failures = rows_int(rows, 0, 3);
    r->failing_ms = rows_int(rows, 0, 4);
}

enum err reader_take(struct tx *tx, struct reader *r, bool *ours) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    reader_take_sql(&q, tx->scope.client_id, r);
    TRY(tx_run_sql(tx, &rows, &q));
    *ours = rows.n > 0;
    if (*ours) reader_read(&rows, r);
    return OK;
}

enum err reader_done(struct tx *tx, struct reader *r, int64_t position, bool keep, bool *ours) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    reader_done_sql(&q, tx->scope.client_id, r, position, keep);
    TRY(tx_run_sql(tx, &rows, &q));
    *ours = rows.n > 0;
    if (!*ours) return OK;
    r->position = position;
    r->newest = rows_int(&rows, 0, 0);
    r->failures = r->failing_ms = 0;
    return OK;
}

enum err reader_failed(struct tx *tx, const struct reader *r, int64_t delay_ms, bool *ours) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    reader_failed_sql(&q, tx->scope.client_id, r, delay_ms);
    TRY(tx_run_sql(tx, &rows, &q));
    *ours = rows.n > 0;
    return OK;
}

enum err reader_give_back(struct tx *tx, const struct reader *r) {
    return tx_run(tx, NULL,
                  "update readers set due_at = " SQL_NOW_MS
                  " where client_id = $1 and kind = $2 and reader_id = $3 and epoch = $4",
                  "sssi", tx->scope.client_id, r->kind, r->reader_id, r->epoch);
}

enum err reader_add(struct tx *tx, const char *kind, const char *reader_id) {
    return tx_run(tx, NULL,
                  "insert into readers (client_id, kind, reader_id, position, due_at)"
                  " select client_id, $2, $3, position, 0 from clocks where client_id = $1",
                  "sss", tx->scope.client_id, kind, reader_id);
}

enum err reader_remove(struct tx *tx, const char *kind, const char *reader_id) {
    return tx_run(tx, NULL, "delete from readers where client_id = $1 and kind = $2 and reader_id = $3", "sss",
                  tx->scope.client_id, kind, reader_id);
}

enum err reader_lock(struct tx *tx, const char *kind, const char *reader_id, bool *found) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select 1 from readers where client_id = $1 and kind = $2 and reader_id = $3 for update",
               "sss", tx->scope.client_id, kind, reader_id));
    *found = rows.n > 0;
    return OK;
}

enum err reader_move(struct tx *tx, const char *kind, const char *reader_id, int64_t position) {
    return tx_run(
        tx, NULL,
        "update readers r set position = least($4, c.position), epoch = r.epoch + 1, failures = 0, failing_since = 0,"
        "       due_at = case when r.due_at = " PAUSED " then r.due_at else 0 end"
        "  from clocks c where r.client_id = $1 and r.kind = $2 and r.reader_id = $3 and c.client_id = r.client_id",
        "sssi", tx->scope.client_id, kind, reader_id, position);
}

enum err reader_pause(struct tx *tx, const char *kind, const char *reader_id) {
    return tx_run(tx, NULL,
                  "update readers set due_at = " PAUSED ", epoch = epoch + 1"
                  " where client_id = $1 and kind = $2 and reader_id = $3",
                  "sss", tx->scope.client_id, kind, reader_id);
}

enum err reader_resume(struct tx *tx, const char *kind, const char *reader_id) {
    return tx_run(tx, NULL,
                  "update readers set due_at = 0, epoch = epoch + 1, failures = 0, failing_since = 0"
                  " where client_id = $1 and kind = $2 and reader_id = $3",
                  "sss", tx->scope.client_id, kind, reader_id);
}
