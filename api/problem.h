/* Error replies (RFC 9457, contract A1). */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "api/call.h"

/* Turns r's fault (or e, where nothing was recorded) into status, headers and body of the call. */
void problem_reply(struct call *c, struct request *r, enum err e);

#endif
