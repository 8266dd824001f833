/* A resolved incident closes by itself after 72 hours. Source: contract A5 (lifecycle). */
#ifndef INCIDENTS_AUTOCLOSE_H
#define INCIDENTS_AUTOCLOSE_H

#include "base/err.h"

/* Job of due.kind 'close'. Does nothing where the incident is not Resolved any more or its time has not come; safe to
 * run twice at once. The row in `due` is gone after OK. */
enum err autoclose_run(const char *client_id, const char *incident_id) must_check;

#endif
