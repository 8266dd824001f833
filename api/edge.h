/* Where HTTP comes in: ulfius (libmicrohttpd), one thread per connection, one catch-all that hands every request to the gates.
 * The gateway keeps three deadlines itself, because libmicrohttpd counts inactivity only: for a request's headers, for its body,
 * and for an idle connection. Source: design.md "The request's way", security.md "Input", style.md traps. */
#ifndef API_EDGE_H
#define API_EDGE_H

#include <stddef.h>

#include "base/err.h"

enum err edge_start(void)
    must_check;          /* binds MDR_LISTEN and MDR_METRICS_LISTEN; ERR_UNAVAILABLE: an address is taken (logged) */
void edge_quiesce(void); /* takes no new connections, waits for running requests (MDR_SHUTDOWN_TIMEOUT_S) */
void edge_stop(void);
int edge_connections(void);      /* open now */
size_t edge_replies_bytes(void); /* of whole replies that are on their way */
int edge_draining(void);         /* 1 while stopping: /readyz says so */

#endif
