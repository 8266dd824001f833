/* SIGINT, SIGTERM and SIGHUP: how a command is stopped without leaving a database running behind it. */
#ifndef COMMANDS_STOPPING_H
#define COMMANDS_STOPPING_H

#include <stdbool.h>

/* Before any other thread: blocks the signals everywhere and watches for them in a thread. Until somebody waits,
 * a signal stops the embedded database (if nobody else uses it) and ends the process with 128 + signal. */
void stopping_watch(void);

/* From now on a signal no longer ends the process but stopping_wait(). */
void stopping_begin(void);
/* At most timeout_ms; true when it is time to stop. A second signal ends the process as above. */
bool stopping_wait(int timeout_ms);

#endif
