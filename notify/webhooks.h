/* What the operations on webhooks share. */
#ifndef NOTIFY_WEBHOOKS_H
#define NOTIFY_WEBHOOKS_H

#include "auth/request.h"

/* ERR_FORBIDDEN for a token that is limited to tenants. */
enum err webhooks_guard(struct request *r) must_check;
/* Locks the webhook (its reader) until the end of the transaction. ERR_NOT_FOUND. */
enum err webhook_lock(struct request *r, struct tx *tx, const char *webhook_id) must_check;

#endif
