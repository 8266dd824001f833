#include "ledger/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "ledger/chain.h"
#include "ledger/head.h"

enum { SLICE_ROWS = 4000 };

struct check {
    struct db_admin *admin;
    const char *client_id;
    struct ledger_report *out;
    struct chain chain;
    struct ledger_head head; /* signed earlier; position 0 = none */
    int64_t last_stamp;
};

static void found(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Keeps the first problem: what follows from it says no more. */
static void found(struct check *c, const char *format, ...) {
    va_list args;
    if (!c->out->ok) return;
    c->out->ok = false;
    va_start(args, format);
    vsnprintf(c->out->problem, sizeof c->out->problem, format, args);
    va_end(args);
}

/* ---- the chain ---- */

enum { COL_POSITION = 1, COL_CHANGED_AT = 2, COL_HASH = CHAIN_FIELDS };

static void check_row(struct check *c, const struct rows *rows, int row) {
    struct chain_field fields[CHAIN_FIELDS];
    char hex[CHAIN_HEX_BYTES];
    int64_t position = rows_int(rows, row, COL_POSITION), stamp = rows_int(rows, row, COL_CHANGED_AT);
    if (position != c->chain.rows + 1) found(c, "row %lld is missing", (long long)c->chain.rows + 1);
    if (!c->out->ok) return;
    for (int i = 0; i < CHAIN_FIELDS; i++)
        fields[i] = (struct chain_field){rows_text(rows, row, i), rows_len(rows, row, i)};
    chain_add(&c->chain, fields);
    chain_hex(&c->chain, hex);
    if (strcmp(hex, rows_text(rows, row, COL_HASH)) != 0)
        found(c, "row %lld was changed, moved or put in", (long long)position);
    if (position == c->head.position && strcmp(hex, c->head.hash) != 0)
        found(c, "the history up to row %lld was rewritten since it was signed", (long long)position);
    if (stamp > c->last_stamp) c->last_stamp = stamp;
}

static enum err check_slice(struct check *c, int64_t *after, int *n) {
    scope_rows struct rows rows = {0};
    TRY(db_admin_query(
        c->admin, &rows,
        "select client_id, position, changed_at, tenant_id, incident_id, kind, object_id, operation, changed_by,"
        "       connection, snapshot, encode(hash, 'hex')"
        "  from ledger where client_id = $1 and position > $2 order by position limit $3",
        "sii", c->client_id, *after, (int64_t)SLICE_ROWS));
    *n = rows.n;
    for (int i = 0; i < rows.n && c->out->ok; i++) check_row(c, &rows, i);
    if (rows.n) *after = rows_int(&rows, rows.n - 1, COL_POSITION);
    return OK;
}

static enum err check_chain(struct check *c) {
    int64_t after = INT64_MIN;
    int n = SLICE_ROWS;
    while (n == SLICE_ROWS && c->out->ok) TRY(check_slice(c, &after, &n));
    c->out->rows = c->out->head_position = c->chain.rows;
    if (c->chain.rows) chain_hex(&c->chain, c->out->head_hash);
    if (c->chain.rows < c->head.position)
        found(c, "rows %lld to %lld are missing: they were there when the head was signed",
              (long long)c->chain.rows + 1, (long long)c->head.position);
    return OK;
}

/* ---- what it must agree with ---- */

static enum err check_clock(struct check *c) {
    scope_rows struct rows rows = {0};
    TRY(db_admin_query(c->admin, &rows, "select position, encode(hash, 'hex'), stamp from clocks where client_id = $1",
                       "s", c->client_id));
    if (!rows.n) return ERR_NOT_FOUND;
    int64_t position = rows_int(&rows, 0, 0);
    if (position > c->out->head_position)
        found(c, "rows %lld to %lld are missing: the clock counts them", (long long)c->out->head_position + 1,
              (long long)position);
    if (position != c->out->head_position || strcmp(rows_text(&rows, 0, 1), c->out->head_hash) != 0)
        found(c, "the clock does not stand at the newest row, %lld", (long long)c->out->head_position);
    if (rows_int(&rows, 0, 2) < c->last_stamp) found(c, "the clock is behind the newest row");
    return OK;
}

#define LIVE(table, id, kind)                                                                                          \
    {                                                                                                                  \
        table, "with newest as ("                                                                                      \
               "    select object_id, max(position) as position from ledger"                                           \
               "     where client_id = $1 and kind = '" kind "' group by object_id"                                    \
               "), told as ("                                                                                          \
               "    select l.object_id, l.operation, l.snapshot from newest n"                                         \
               "      join ledger l on l.client_id = $1 and l.position = n.position"                                   \
               "), live as (select " id " as object_id, body from " table " where client_id = $1)"                     \
               "select coalesce(told.object_id, live.object_id),"                                                      \
               "       case when told.object_id is null then 'has no history'"                                         \
               "            when live.object_id is null then 'is gone, but its history does not tell'"                 \
               "            when told.operation = 'delete' then 'is there, but its history tells that it was deleted'" \
               "            else 'is not what its newest row of history shows' end"                                    \
               "  from told full join live on live.object_id = told.object_id"                                         \
               " where told.object_id is null or (told.operation = 'delete') <> (live.object_id is null)"              \
               "    or told.operation <> 'delete' and told.snapshot <> live.body"                                      \
               " order by 1 limit 1"                                                                                   \
    }

static enum err check_live(struct check *c) {
    static const struct {
        const char *table, *sql;
    } kinds[] = {LIVE("incidents", "incident_id", "incident_details"),
                 LIVE("comments", "comment_id", "incident_comment"),
                 LIVE("attachments", "attachment_id", "incident_attachment"),
                 LIVE("responses", "response_id", "incident_response")};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && c->out->ok; i++) {
        scope_rows struct rows rows = {0};
        TRY(db_admin_query(c->admin, &rows, kinds[i].sql, "s", c->client_id));
        if (rows.n) found(c, "%s: %s %s", kinds[i].table, rows_text(&rows, 0, 0), rows_text(&rows, 0, 1));
    }
    return OK;
}

/* ---- all of it ---- */

static enum err begin(struct check *c) {
    scope_rows struct rows rows = {0}, client = {0};
    TRY(db_admin_run(
        c->admin,
        "begin isolation level repeatable read read only; set local statement_timeout = 0;"
        "set local idle_in_transaction_session_timeout = 0; set local work_mem = '128MB'; set local jit = off"));
    TRY(db_admin_query(c->admin, &rows,
                       "select set_config('mdr.client', $1, true), set_config('mdr.tenants', '*', true)", "s",
                       c->client_id));
    TRY(db_admin_query(c->admin, &client, "select 1 from clients where client_id = $1", "s", c->client_id));
    return client.n ? OK : ERR_NOT_FOUND;
}

static enum err read_head(struct check *c, const char *heads_dir) {
    enum err e = head_read(heads_dir, c->client_id, &c->head);
    if (e == ERR_INVALID) found(c, "the signed head in %s was changed", heads_dir);
    if (e != OK) c->head = (struct ledger_head){0};
    return OK;
}

static enum err sign_head(const struct check *c, const char *heads_dir) {
    struct ledger_head head = {.position = c->out->head_position, .time_ms = now_ms()};
    if (!c->out->ok || !head.position) return OK;
    memcpy(head.hash, c->out->head_hash, sizeof head.hash);
    return head_write(heads_dir, c->client_id, &head);
}

enum err ledger_verify(const char *database_url, const char *client_id, const char *heads_dir,
                       struct ledger_report *out) {
    struct check c = {.client_id = client_id, .out = out};
    scope_db_admin struct db_admin *admin = db_admin_open(database_url);
    *out = (struct ledger_report){.ok = true};
    if (!admin) return ERR_UNAVAILABLE;
    c.admin = admin;
    TRY(begin(&c));
    TRY(read_head(&c, heads_dir));
    TRY(check_chain(&c));
    if (out->ok) TRY(check_clock(&c));
    TRY(check_live(&c));
    return sign_head(&c, heads_dir);
}
