/* The embedded PostgreSQL: a private cluster in <data_dir>/postgres, reached only through a unix socket in a folder
 * that only its user can enter (hence no passwords). Owner of everything is `mdr_owner`, the database is `mdr`.
 *
 * Nobody owns the running server: whoever needs it calls cluster_start() - `serve`, a second `serve`, a command run
 * beside it - and cluster_stop() in the end; the last one out stops it. Users are counted by file locks, so a killed
 * gateway is not counted; the PostgreSQL that it left running is taken over by the next start.
 * PostgreSQL runs in a session of its own: Ctrl-C at the terminal reaches the gateway only.
 *
 * Files in <data_dir>: postgres/ (cluster), postgres/local.conf (own settings, wins), postgres/log/ (its log, seven
 * days), postgres.start.log, cluster.start.lock, cluster.users.lock, run/ (socket; see base/home.h). */
#ifndef BASE_CLUSTER_H
#define BASE_CLUSTER_H

#include "base/err.h"

#define CLUSTER_OWNER "mdr_owner"
#define CLUSTER_DATABASE "mdr"

/* After home_prepare(). Creates the cluster on first use (some seconds), starts it unless it runs, waits until it
 * answers. ERR_UNAVAILABLE: told on stderr with what to do. */
enum err cluster_start(void) must_check;

/* Gives up this process' use; stops the server when nobody else uses it (at most 60 s, then the hard way). */
void cluster_stop(void);

/* Starts the server again when it died; call every second or so while serving. Does not block longer than a start. */
void cluster_tend(void);

/* libpq connection string for that database user. Borrowed until this thread's next call. */
const char *cluster_url(const char *user);

#endif
