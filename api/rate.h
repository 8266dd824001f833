/* How many requests a caller may make: token buckets, kept in a table of fixed size. A bucket holds ten seconds' worth of requests and
 * fills again at its rate; one that is full again is forgotten, so the table holds only who is busy now.
 * Of this process only: behind two gateways a caller has both. Source: security.md "Running it", contract A1 (429). */
#ifndef API_RATE_H
#define API_RATE_H

#include <stdint.h>

enum rate {
    RATE_SESSION, /* a user's or API connection's requests */
    RATE_RESERVE, /* the same caller's deciding and stopping: whatever else they asked for, this is left */
    RATE_ADDRESS, /* requests that show no valid token, by address; of IPv6 the network /64 */
    RATES
};
enum { RATE_BURST_S = 10 };

/* Takes one request out of the caller's bucket of per_s requests a second (0: no limit). Returns 0, or after how many seconds
 * there is room for one again. who: user_id, session_id or address. Cheap: one hash, one lock, no memory of its own. */
int rate_take(enum rate rate, const char *who, int64_t per_s);
/* The same at a time of monotonic_ms(). */
int rate_take_at(enum rate rate, const char *who, int64_t per_s, int64_t now_ms);

unsigned long rate_refused(enum rate rate); /* since the start */
const char *rate_name(enum rate rate);      /* "session" */

#endif
