/* Readers of the ledger. A reader is a row (kind, reader id) of a client that says up to which position of the client's ledger it is
 * done. Readers that are behind are found over all clients - as ids - and then run one at a time:
 *
 *     readers_find("webhook", false, 64, &rows);           which are behind and due
 *     per row, in a transaction of its client:
 *         reader_take(&tx, &reader, &ours);                 nobody else has it for READER_LEASE_MS
 *         ... read ledger rows above reader.position, commit, act on them without a connection ...
 *     and in another transaction one of
 *         reader_done(&tx, &reader, position, keep, &ours)  done up to there
 *         reader_failed(&tx, &reader, delay_ms, &ours)      again later
 *
 * `ours` false: another worker took it meanwhile (our lease had ended), or it is paused or gone: the transaction must then change nothing.
 * So what a reader does is done at least once, in the ledger's order. The database's clock judges. Lock a reader before anything
 * else that its transaction locks. */
#ifndef NOTIFY_READERS_H
#define NOTIFY_READERS_H

#include "base/db.h"

enum { READER_LEASE_MS = 30 * 1000, READER_LOOK_MS = 500 /* how often to look for what other processes wrote */ };

/* kind and reader_id are borrowed from the caller. */
struct reader {
    const char *kind, *reader_id;
    int64_t position;   /* of the last row that it is done with */
    int64_t newest;     /* position of the client's newest row */
    int64_t epoch;      /* of our lease */
    int64_t failures;   /* in a row */
    int64_t failing_ms; /* for how long, by the database's clock; 0 = not failing */
};

/* Columns client_id and reader_id of those that are behind, due and not taken, longest waiting first. Those that failed
 * last time are asked for apart, so that they never stand before the others. One statement, all clients. */
enum err readers_find(const char *kind, bool failing, int limit, struct rows *out) must_check;
/* The same for the part (0 ... parts - 1) of one of several workers in a process. */
enum err readers_find_part(const char *kind, bool failing, int parts, int part, int limit, struct rows *out) must_check;
/* How many there are that are not paused, and how many of them are behind. */
enum err readers_count(const char *kind, int64_t *all, int64_t *behind) must_check;

/* Takes r->kind, r->reader_id if it is due, and fills in the rest. */
enum err reader_take(struct tx *tx, struct reader *r, bool *ours) must_check;
/* Done up to `position`, failures forgotten. keep: the lease is prolonged, r->position and r->newest are brought up to date; else it is given
 * back. */
enum err reader_done(struct tx *tx, struct reader *r, int64_t position, bool keep, bool *ours) must_check;
/* Given back after a failure: due again after delay_ms; counts it. */
enum err reader_failed(struct tx *tx, const struct reader *r, int64_t delay_ms, bool *ours) must_check;

/* Given back as it was taken. */
enum err reader_give_back(struct tx *tx, const struct reader *r) must_check;

/* The same as statements to build others from, for who counts round trips: "with t as (" ... ") select ...". take returns what
 * reader_read() reads from the first columns, done the newest position, failed 1; no row: not ours. */
void reader_take_sql(struct sql *q, const char *client_id, const struct reader *r);
void reader_done_sql(struct sql *q, const char *client_id, const struct reader *r, int64_t position, bool keep);
void reader_failed_sql(struct sql *q, const char *client_id, const struct reader *r, int64_t delay_ms);
void reader_read(const struct rows *rows, struct reader *r);

/* A new one, which begins after the client's newest row. */
enum err reader_add(struct tx *tx, const char *kind, const char *reader_id) must_check;
enum err reader_remove(struct tx *tx, const char *kind, const char *reader_id) must_check;
/* Locks its row until the end of the transaction; false: there is none. */
enum err reader_lock(struct tx *tx, const char *kind, const char *reader_id, bool *found) must_check;
/* Goes on behind `position`, be it ahead or back; at most behind the newest row. Takes a lease away. */
enum err reader_move(struct tx *tx, const char *kind, const char *reader_id, int64_t position) must_check;
/* Paused ones are not found, and lose their lease; the position stays. Resumed ones are due at once, failures forgotten. */
enum err reader_pause(struct tx *tx, const char *kind, const char *reader_id) must_check;
enum err reader_resume(struct tx *tx, const char *kind, const char *reader_id) must_check;

#endif
