/* Time zones by IANA name, read from the system's TZif files (package tzdata), without the process's own TZ.
 * A struct tz never changes after tz_open(): any thread may read it. Source: RFC 8536 (TZif), POSIX TZ for the time
 * after the table. */
#ifndef BASE_TZ_H
#define BASE_TZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct tz;

#define scope_tz __attribute__((cleanup(tz_cleanup)))
/* "Asia/Tokyo", "UTC". NULL: no such zone, or not a name (at most 64 of A-Z a-z 0-9 _ + - /, a capital first:
 * posix/, right/ and localtime are not zones of their own). "UTC" always opens. */
struct tz *tz_open(const char *name);
void tz_close(struct tz *zone);
void tz_cleanup(struct tz **zone);
bool tz_valid(const char *name);

struct tz_offset {
    int seconds; /* east of Greenwich: 32400 in Tokyo */
    bool is_dst;
    char abbreviation[8]; /* "JST" */
};
struct tz_offset tz_offset_at(const struct tz *zone, int64_t unix_s);

/* The wall clock of the zone, as struct tm (tm_year from 1900, tm_mon 0..11, tm_wday 0 = Sunday, tm_gmtoff set,
 * tm_zone not). */
struct tm tz_local(const struct tz *zone, int64_t unix_s);

/* The first moment at which the zone's clock shows this date and time (members may overflow: tm_mday 32 is the 1st
 * of the next month). A time skipped in spring gives the moment as late after the jump; one that comes twice in
 * autumn gives the earlier. */
int64_t tz_to_unix(const struct tz *zone, const struct tm *wall);

#endif
