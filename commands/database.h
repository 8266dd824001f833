/* The database as a command needs it: the embedded one or the one of MDR_DATABASE_URL, migrated, with its pool open. */
#ifndef COMMANDS_DATABASE_H
#define COMMANDS_DATABASE_H

#include "base/err.h"

#define SERVING_ROLE "mdr_serve" /* row-level security binds it; see migrations/001_foundation.sql */

/* Starts or joins the embedded database where no MDR_DATABASE_URL is given; migrates where it has the owner's rights
 * (embedded, or MDR_MIGRATE_URL); opens the pool. Told on stderr when it fails. database_close() in any case. */
enum err database_open(void) must_check;
void database_close(void);

/* Only migrates; for the command. ERR_INVALID when there is no URL to migrate with (told on stderr). */
enum err database_migrate(void) must_check;

#endif
