/* The newest stamp of each client, known for half a second without asking the database, so that a poll that finds nothing
 * costs almost nothing (design.md "Reads"), and waiting for a newer one without holding a connection. Own writes count at
 * once, other nodes' within FEED_FRESH_MS. */
#ifndef BASE_FEED_H
#define BASE_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { FEED_FRESH_MS = 500 };

/* A transaction of this process committed; `stamp` is its last. */
void feed_published(const char *client_id, int64_t stamp);

/* The newest stamp, if it is known; false: ask the database, then feed_learned() with the version of before asking. */
bool feed_newest(const char *client_id, int64_t *stamp, uint64_t *version);
void feed_learned(const char *client_id, int64_t stamp, uint64_t version);

/* The newest stamp, asked for if it is not known; 0 where the client has none. ERR_UNAVAILABLE. */
enum err feed_stamp(const char *client_id, int64_t *stamp) must_check;

/* Until the newest stamp is above `after`: true. False at until_ms (monotonic) or when the process stops. To miss nothing take
 * feed_stamp() before the query that found nothing, and wait from there. While the database is away it just goes on waiting. */
bool feed_wait(const char *client_id, int64_t after, int64_t until_ms);

/* Has it called after every feed_published(), whichever client's, in the thread that published: it must be quick and must not
 * block. For the life of the process; at most FEED_LISTENERS. */
enum { FEED_LISTENERS = 4 };
void feed_listen(void (*heard)(void));

bool feed_stopped(void);

/* From now on nobody waits: who does is sent on at once. feed_start() takes it back. */
void feed_stop(void);
void feed_start(void);

#endif
