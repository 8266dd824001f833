/* The workers: threads that look twice a second for what has fallen due - in all clients, as ids only - and do it,
 * one client per transaction. Any number of processes may run them at once: every job guards its own change. Source:
 * design.md. */
#ifndef NOTIFY_WORKERS_H
#define NOTIFY_WORKERS_H

#include "base/err.h"

enum err workers_start(void) must_check;
void workers_stop(void); /* waits for the job at hand */

#endif
