/* The types of response actions as the rest of the program looks them up. */
#ifndef RESPONSES_TYPES_H
#define RESPONSES_TYPES_H

#include "build/gen/operations.h"

const struct response_type *response_type_find(const char *type); /* NULL = unknown */

/* What a filter means by types: any case, and the names that older clients use ("File" -> GET_FILE); an unknown text
 * stays as it is and finds nothing. */
struct strings response_types_meant(struct arena *arena, const struct strings *given);

#endif
