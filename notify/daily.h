/* Jobs that a client has once a day. */
#ifndef NOTIFY_DAILY_H
#define NOTIFY_DAILY_H

#include "auth/request.h"

/* Puts the row of `due` off by a day, before anything is done: of several workers one does it, and a job that fails does not stay
 * the first of all that is due. *now: the database's clock, ms; 0 = it was not due, or another has it. */
enum err daily_claim(struct request *r, const char *kind, const char *object_id, int64_t *now) must_check;

#endif
