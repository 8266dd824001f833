/* Ends an isolation that was ordered for a time. Source: contract B3. */
#ifndef RESPONSES_RELEASE_H
#define RESPONSES_RELEASE_H

#include "base/err.h"

/* Job of due.kind 'release' about an ISOLATE_HOST: creates and confirms its RELEASE_HOST, unless the host was released meanwhile
 * or is isolated by another response now. Safe to run twice at once; waits while somebody's undo is on its way. */
enum err release_run(const char *client_id, const char *response_id) must_check;

#endif
