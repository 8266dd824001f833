/* consumers/ack, consumers/list, consumers/delete: how far readers of changes have got. Source: contract B5. */
#include "feeds/consumers.h"

#include "auth/write.h"
#include "base/clock.h"
#include "build/gen/operations.h"
#include "feeds/ledger_rows.h"

enum { CONSUMERS_MAX = 50, LAG_ROWS = 10000 };
static const int64_t forgotten_after_ms = 365LL * 86400 * 1000;

enum err consumer_position(struct request *r, const char *name, int64_t *position) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows, "select position from consumers where client_id = $1 and owner = $2 and name = $3",
                "sss", r->client_id, r->who.reader_id, name));
    *position = rows.n ? rows_int(&rows, 0, 0) : 0;
    return OK;
}

/* The age of the oldest row that waits is looked for among the next LAG_ROWS: a token of few tenants may see none of very many. */
static void add_select(struct sql *q, const char *client_id) {
    sql_add(q,
            "select c.name, c.position, k.position - c.position,"
            " (select l.changed_at from ledger l where l.client_id = c.client_id and l.position > c.position"
            "     and l.position <= c.position + ? order by l.position limit 1),"
            " c.last_seen, c.owner, c.owner_name"
            " from consumers c join clocks k on k.client_id = c.client_id where c.client_id = ?",
            "is", (int64_t)LAG_ROWS, client_id);
}

static void add_consumer(struct buf *out, const struct rows *rows, int i, int64_t now) {
    int64_t lag = rows_null(rows, i, 3) ? 0 : now - rows_int(rows, i, 3);
    json_open(out, '{');
    json_kstr(out, "name", rows_text(rows, i, 0));
    json_kraw(out, "after", rows_text(rows, i, 1));
    json_kraw(out, "lag_rows", rows_text(rows, i, 2));
    json_kint(out, "lag_ms", lag > 0 ? lag : 0);
    json_kraw(out, "last_seen", rows_text(rows, i, 4));
    json_kstr(out, "owner", rows_text(rows, i, 5));
    json_kstr(out, "owner_name", rows_text(rows, i, 6));
    json_close(out, '}');
}

/* ---- ack ---- */

static enum err store(struct request *r, struct tx *tx, const struct consumers_ack_args *args, int64_t now) {
    return tx_run(tx, NULL,
                  "insert into consumers as c (client_id, owner, name, owner_name, position, last_seen)"
                  " values ($1, $2, $3, $4, $5, $6)"
                  " on conflict (client_id, owner, name) do update set owner_name = excluded.owner_name,"
                  "    last_seen = excluded.last_seen,"
                  "    position = case when $7 then excluded.position else greatest(c.position, excluded.position) end",
                  "ssssiib", r->client_id, r->who.reader_id, args->name, r->who.name, args->after, now, args->rewind);
}

static enum err guard_number(struct request *r, struct tx *tx, int64_t now) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, NULL, "delete from consumers where client_id = $1 and last_seen < $2", "si", r->client_id,
               now - forgotten_after_ms));
    TRY(tx_run(tx, &rows, "select count(*) from consumers where client_id = $1 and owner = $2", "ss", r->client_id,
               r->who.reader_id));
    if (rows_int(&rows, 0, 0) <= CONSUMERS_MAX) return OK;
    return fail(r, ERR_CONFLICT, "There are %d consumers already; delete one first.", CONSUMERS_MAX);
}

enum err consumers_ack(struct request *r, const struct consumers_ack_args *args, struct reply *out) {
    int64_t newest = 0, now = now_ms();
    TRY(ledger_newest(r->client_id, &newest));
    if (args->after > newest) return fail_at(r, "/after", "is beyond the newest position, %lld", (long long)newest);
    scope_tx struct tx tx = {0};
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    add_select(&q, r->client_id);
    sql_add(&q, " and c.owner = ? and c.name = ?", "ss", r->who.reader_id, args->name);
    TRY(tx_begin(&tx, &r->scope));
    TRY(store(r, &tx, args, now));
    TRY(guard_number(r, &tx, now));
    TRY(tx_run_sql(&tx, &rows, &q));
    if (!rows.n) return ERR_INTERNAL;
    add_consumer(&out->body, &rows, 0, now);
    return write_commit(r, &tx, 0, out);
}

/* ---- list, delete ---- */

enum err consumers_list(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    add_select(&q, r->client_id);
    bool everybody = r->who.role == ROLE_SUPERVISOR && r->who.all_tenants;
    if (!everybody) sql_add(&q, " and c.owner = ?", "s", r->who.reader_id);
    sql_add(&q, " order by c.name, c.owner", "");
    TRY(db_read_sql(&r->scope, &rows, &q));
    int64_t now = now_ms();
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n; i++) add_consumer(&out->body, &rows, i, now);
    json_close(&out->body, ']');
    return OK;
}

enum err consumers_delete(struct request *r, const struct consumers_delete_args *args, struct reply *out) {
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    TRY(tx_run(&tx, NULL, "delete from consumers where client_id = $1 and owner = $2 and name = $3", "sss",
               r->client_id, r->who.reader_id, args->name));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, 0, out);
}
