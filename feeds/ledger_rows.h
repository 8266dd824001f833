/* Reading the ledger from a position on, as changes/list and events do. Source: contract B5, design.md "The spine". */
#ifndef FEEDS_LEDGER_ROWS_H
#define FEEDS_LEDGER_ROWS_H

#include "auth/request.h"

/* Which rows. All borrowed. */
struct ledger_filter {
    struct db_scope scope;
    struct strings kinds;   /* as kinds_choose() gives them; none: no row */
    const char *session_id; /* who reads: `self` of a row */
    bool ignore_self;
    const char *incident_id; /* NULL = any */
};

/* Rows behind `after`, at most `limit`, oldest first. A row of the result has all that ledger_row_add() needs. */
struct ledger_page {
    struct rows rows;
    int n;          /* rows that there are */
    int64_t next;   /* up to here everything was looked at: rows that the filter left out included */
    int64_t newest; /* the client's last position */
};
#define scope_ledger_page __attribute__((cleanup(ledger_page_free)))
void ledger_page_free(struct ledger_page *p);

/* One statement of bounded cost: where few rows pass the filter it ends early, with next < newest. */
enum err ledger_read(const struct ledger_filter *f, int64_t after, int64_t limit, struct ledger_page *out) must_check;

int64_t ledger_row_position(const struct ledger_page *p, int i);
size_t ledger_row_bytes(const struct ledger_page *p, int i); /* of its snapshot */
int64_t ledger_row_changed_at(const struct ledger_page *p, int i);
const char *ledger_row_kind(const struct ledger_page *p, int i);
const char *ledger_row_operation(const struct ledger_page *p, int i);
const char *ledger_row_incident_id(const struct ledger_page *p, int i); /* "" = none */

/* Appends the row as a JSON object (schema `change`). */
void ledger_row_add(struct buf *out, const struct ledger_page *p, int i, const char *session_id);

/* The client's last position. */
enum err ledger_newest(const char *client_id, int64_t *newest) must_check;

/* ERR_NOT_FOUND unless r may see the incident; NULL passes. */
enum err ledger_guard_incident(struct request *r, const char *incident_id) must_check;

#endif
