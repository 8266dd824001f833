/* The newest stamp of each client, known for half a second without asking the database, so that a poll that finds nothing
 * costs almost nothing (design.md "Reads"). Own writes count at once, other nodes' within FEED_FRESH_MS. */
#ifndef BASE_FEED_H
#define BASE_FEED_H

#include <stdbool.h>
#include <stdint.h>

enum { FEED_FRESH_MS = 500 };

/* A transaction of this process committed; `stamp` is its last. */
void feed_published(const char *client_id, int64_t stamp);

/* The newest stamp, if it is known; false: ask the database, then feed_learned() with the version of before asking. */
bool feed_newest(const char *client_id, int64_t *stamp, uint64_t *version);
void feed_learned(const char *client_id, int64_t stamp, uint64_t version);

#endif
