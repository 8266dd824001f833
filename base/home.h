/* Where this process is at home: its data folder, and the user that it runs as. The only file that changes users.
 *
 * Started by root, the process becomes another user for good, because PostgreSQL refuses root and because a server
 * should not be root: the owner of the data folder where that is not root (so that root may run commands on a
 * folder of someone else), else the system user `mdr-gateway`, which is created when missing.
 * Where that user cannot reach the data folder (/root/x, a 0700 home), the folder is
 * /var/lib/mdr-gateway/<name of the folder>-<hash of its path> instead, and the log says so. */
#ifndef BASE_HOME_H
#define BASE_HOME_H

#include <stdbool.h>

#include "base/err.h"

/* After config_load(), before anything opens files or starts threads. Creates the data folder (0700), drops root,
 * sets config()->data_dir to the folder in use, keeps this process' memory out of core files. ERR_INTERNAL: told on
 * stderr with what to do about it. */
enum err home_prepare(void) must_check;

/* A folder for sockets, 0700 and ours: run/ in the data folder, or where that path is too long for a socket
 * (or has a comma, which libpq takes for a list) one in /run/mdr-gateway or /tmp, after the hash of the data folder.
 * After home_prepare(). Borrowed; NULL when there is none (told on stderr). */
const char *home_socket_dir(void);

/* Says on stderr, for people, what cannot go on and what to do. */
void home_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
