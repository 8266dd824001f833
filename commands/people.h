/* What the commands that make connections and users share. */
#ifndef COMMANDS_PEOPLE_H
#define COMMANDS_PEOPLE_H

#include "base/arena.h"
#include "base/db.h"
#include "commands/commands.h"

/* The tenants of --tenant, each an id or a name, as ids. Told on stderr when one does not exist (ERR_INVALID). */
enum err people_tenants(const struct arguments *a, struct arena *arena, const char *client_id,
                        struct strings *ids) must_check;

/* Says on stderr why making something failed, and gives the exit code. */
int people_failed(enum err e, const char *client_id);

#endif
