/* The gateway itself as the author of a change: what workers do without a request from outside. */
#ifndef AUTH_GATEWAY_H
#define AUTH_GATEWAY_H

#include "auth/request.h"

#define GATEWAY_AUTHOR "MDR gateway" /* changed_by in the ledger; its connection is '' */

/* Runs a job about one object as a request of the gateway for that client, all tenants; returns what the job returned. */
typedef enum err gateway_job(struct request *r, const char *object_id);
enum err gateway_run(gateway_job *job, const char *client_id, const char *object_id) must_check;

#endif
