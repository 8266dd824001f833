/* Declines what nobody decided in time. Source: contract A7. */
#ifndef RESPONSES_DEADLINE_H
#define RESPONSES_DEADLINE_H

#include "base/err.h"

/* Job of due.kind 'decide'. Does nothing where the response is decided by now or its deadline was not reached; safe
 * to run twice at once. The row in `due` is gone after OK. */
enum err deadline_run(const char *client_id, const char *response_id) must_check;

#endif
