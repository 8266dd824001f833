/* The types of response actions as the rest of the program looks them up. */
#ifndef RESPONSES_TYPES_H
#define RESPONSES_TYPES_H

#include "build/gen/operations.h"

const struct response_type *response_type_find(const char *type); /* NULL = unknown */

/* What a filter means by a type: any case, and the names that older clients use ("File" -> GET_FILE); an unknown text
 * is returned as it is and finds nothing. */
const char *response_type_meant(const char *text);

#endif
