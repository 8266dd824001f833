/* The gateway itself as the author of a change: what workers do without a request from outside. */
#ifndef AUTH_GATEWAY_H
#define AUTH_GATEWAY_H

#include "auth/request.h"

#define GATEWAY_AUTHOR "MDR gateway" /* changed_by in the ledger; its connection is '' */

/* A request for one client, all tenants. client_id is borrowed. The arena is initialised here: arena_free() it. */
void gateway_request(struct request *r, struct arena *arena, const char *client_id);

#endif
