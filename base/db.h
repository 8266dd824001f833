/* PostgreSQL: a pool of connections, transactions that name their client first, one round trip for a read.
 * The only file that knows libpq. Lost connections are replaced by themselves, and so are those to a server that went silent, turned
 * read-only or was replaced by its standby; while the database is away everything here answers ERR_UNAVAILABLE.
 *
 * Parameters are typed by one letter each: s text (NULL = SQL NULL), i int64_t, b bool (as int), S const struct strings * (text[], NULL = SQL NULL),
 * x bytea (const void *, size_t).
 *
 * SQLSTATE -> error (db.c): class 22 ERR_INVALID, 23505 ERR_CONFLICT, 08/53/57014/57P, read-only (25006), idle too long (25P03) and lost
 * connections ERR_UNAVAILABLE, 40/55P03 ERR_UNAVAILABLE (nothing was done, safe to repeat), else ERR_INTERNAL (logged with its SQL). */
#ifndef BASE_DB_H
#define BASE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strings.h"

/* Whose rows a transaction may see: row-level security rests on it. */
struct db_scope {
    const char *client_id; /* "" sees no client's rows */
    const char *tenants;   /* "*" or NULL = all; else tenant ids joined by ','; "-" is the root */
    bool worker;           /* the queue of due ids of all clients, and nothing else */
};

/* All tenants of one client ("*": of the SOC's connections of all clients). client_id is borrowed. */
static inline struct db_scope client_scope(const char *client_id) {
    return (struct db_scope){.client_id = client_id, .tenants = "*"};
}

struct rows {
    void *result; /* PGresult */
    int n;
};

#define scope_rows __attribute__((cleanup(rows_free)))
void rows_free(struct rows *r);
const char *rows_text(const struct rows *r, int row, int col); /* "" for NULL; borrowed */
size_t rows_len(const struct rows *r, int row, int col);       /* bytes */
bool rows_null(const struct rows *r, int row, int col);
int64_t rows_int(const struct rows *r, int row, int col); /* 0 for NULL */
bool rows_bool(const struct rows *r, int row, int col);
struct strings rows_strings(const struct rows *r, int col, struct arena *arena); /* the column, copied */
void rows_json(const struct rows *r, struct buf *out); /* column 0, which is JSON in each row, as an array */

/* Opens the pool: `connections` of `url` (libpq connection string), each with role's settings. Does not wait for the database. */
enum err db_start(const char *url, int connections) must_check;
void db_stop(void);

/* SQL with its parameters, built from fixed pieces: each '?' in a piece takes the next parameter. */
enum { SQL_PARAMS_MAX = 64 };
struct sql {
    struct buf text;
    struct buf values; /* parameter texts, one after the other */
    int n;
    struct {
        size_t offset, len;
        bool null, binary;
        char type;
    } params[SQL_PARAMS_MAX];
    bool plan_for_values; /* searches: plan anew with the values at hand */
};
#define scope_sql __attribute__((cleanup(sql_free)))
void sql_init(struct sql *q);
void sql_free(struct sql *q);
void sql_add(struct sql *q, const char *piece, const char *types, ...);
void sql_add_any(struct sql *q, const char *column,
                 const struct strings *list); /* " and column = any(list)"; none: all */

/* One read-only statement in one round trip: BEGIN, scope, statement, COMMIT. */
enum err db_read(const struct db_scope *scope, struct rows *out, const char *sql, const char *types, ...) must_check;
enum err db_read_sql(const struct db_scope *scope, struct rows *out, struct sql *q) must_check;

/* One statement that changes something, in one round trip, committed with it. For what may be done again: a crash of the database
 * may lose the newest of them, since the commit does not wait for the disk; nor does it wait longer than half a second for a
 * locked row. ERR_UNAVAILABLE: the outcome is unknown. */
enum err db_write_light(const struct db_scope *scope, struct rows *out, struct sql *q) must_check;

/* A transaction. tx_end() rolls back what was not committed; use it through scope_tx.
 * Writers of one client queue in the process (tx_begin_write) before they take a connection. */
struct tx {
    struct db_conn *conn;
    struct db_scope scope;
    int queue; /* the client's place, -1 = none */
    bool begun, done;
};
#define scope_tx __attribute__((cleanup(tx_end)))
enum err tx_begin(struct tx *tx, const struct db_scope *scope) must_check;       /* off the client's clock */
enum err tx_begin_write(struct tx *tx, const struct db_scope *scope) must_check; /* queues for the client's clock */
enum err tx_run(struct tx *tx, struct rows *out, const char *sql, const char *types,
                ...) must_check; /* out may be NULL */
enum err tx_run_sql(struct tx *tx, struct rows *out, struct sql *q) must_check;
/* ERR_UNAVAILABLE: the outcome is unknown, or it may be lost at a fail-over. */
enum err tx_commit(struct tx *tx) must_check;
void tx_end(struct tx *tx);

/* Administration with a connection of its own (migrations, bulk loads): fails with libpq's text in the log. */
struct db_admin;
struct db_admin *db_admin_open(const char *url); /* NULL = failed, logged */
void db_admin_close(struct db_admin **admin);
#define scope_db_admin __attribute__((cleanup(db_admin_close)))
enum err db_admin_run(struct db_admin *admin, const char *sql) must_check; /* may hold several statements */
enum err db_admin_query(struct db_admin *admin, struct rows *out, const char *sql, const char *types, ...) must_check;
enum err db_admin_copy_begin(struct db_admin *admin, const char *copy_sql) must_check;
enum err db_admin_copy_add(struct db_admin *admin, const char *data, size_t len) must_check;
enum err db_admin_copy_end(struct db_admin *admin) must_check;

#endif
