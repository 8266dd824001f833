/* The only place that reads a clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

int64_t now_ms(void);       /* wall clock: milliseconds since the Unix epoch, UTC; may jump */
int64_t monotonic_ms(void); /* for durations and deadlines inside this process; never jumps */
/* A moment of monotonic_ms() for what waits until then: pthread_cond_clockwait(), sem_clockwait(), ... with CLOCK_MONOTONIC. */
struct timespec monotonic_at(int64_t ms);

enum { TIME_TEXT_BYTES = 32 };
/* "2026-11-21T21:33:45.123Z" (RFC 3339, UTC); out holds TIME_TEXT_BYTES. */
void time_text(int64_t ms, char *out);

/* SQL: the database's clock, which judges deadlines whatever the nodes' clocks say. */
#define SQL_NOW_MS "(extract(epoch from clock_timestamp()) * 1000)::bigint"

#endif
