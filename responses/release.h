/* Ends an isolation that was ordered for a time. Source: contract B3. */
#ifndef RESPONSES_RELEASE_H
#define RESPONSES_RELEASE_H

#include "base/err.h"

#define DECIDED_BY_DURATION "duration" /* decided_by.kind of such a release */

/* Job of due.kind 'release' about an ISOLATE_HOST: creates and confirms its RELEASE_HOST, and again where that did not release the
 * host - every 10 minutes for an hour, every hour for a day, then every day -, until the host is released, is isolated by another
 * response, or somebody cancelled such an order. Waits while a release is on its way; withdraws an undo that waits for its second
 * person. Safe to run twice at once. */
enum err release_run(const char *client_id, const char *response_id) must_check;

#endif
