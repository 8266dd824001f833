/* The formats that validate.h describes. */
#ifndef API_FORMATS_H
#define API_FORMATS_H

#include "api/schema.h"
#include "base/arena.h"

/* The text as the handler shall see it: s itself, or a lower-cased copy in the arena. NULL when s is not of the format;
 * *wanted then tells what would be ("a UUID"). */
const char *format_check(struct arena *arena, enum format format, const char *s, const char **wanted);

#endif
