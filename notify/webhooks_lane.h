/* Delivers to webhooks: a few threads among which they are dealt out, each of which waits for receivers and for new rows of the ledger
 * at once.
 *
 * Per webhook one delivery at a time, in the ledger's order, each until it is accepted (2xx): so the receiver sees the order, at
 * least once. A failure is tried again after 1 s, 2 s, 4 s ... 4 h; after 3 days the delivery counts as failed and the webhook is
 * switched off, at once where the receiver answers 410. Switched on again it goes on where it stood, so nothing is lost.
 *
 * No receiver holds up another: hundreds are in flight at a time without a database connection, those that failed last time have places of
 * their own, and one that does not answer for some seconds gives up its place among the healthy ones. Any number of
 * processes may deliver: see notify/readers.h. */
#ifndef NOTIFY_WEBHOOKS_LANE_H
#define NOTIFY_WEBHOOKS_LANE_H

#include "base/buf.h"
#include "base/err.h"

enum err webhooks_lane_start(void) must_check;
void webhooks_lane_stop(void); /* what is in flight gets some seconds, then goes back for others to deliver */

void webhooks_metrics(struct buf *out);

#endif
