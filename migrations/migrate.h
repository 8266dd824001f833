/* The schema, embedded from the .sql files of this folder and applied in the order of its names. Files numbered 900 and above run after every
 * migration; the others once. */
#ifndef MIGRATIONS_MIGRATE_H
#define MIGRATIONS_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct migration {
    const char *name, *sql;
    size_t len;
};
extern const struct migration migrations[];
extern const size_t migrations_n;

/* Brings the database of url (its owner's) up to date: one transaction a file, one migrator at a time. Progress in the log.
 * ERR_CONFLICT: the database is not UTF8 with the locale C.UTF-8, or it is newer than this program. */
enum err migrate_run(const char *url) must_check;

/* Whether the serving pool's database has exactly this program's migrations (for /readyz). */
enum err migrate_check(const char **problem) must_check;

#endif
