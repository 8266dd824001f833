/* The parameters of a response as they are stored and carried out: written anew from what was checked, so that
 * nothing that was not checked reaches a host. Members in the schema's order, defaults filled in, hashes in lower
 * case, no nulls. */
#ifndef RESPONSES_PARAMETERS_H
#define RESPONSES_PARAMETERS_H

#include "api/schema.h"
#include "base/buf.h"

/* values: the struct that validate_at() filled. Appends one JSON object. */
void parameters_json(struct buf *out, const struct schema *schema, const void *values);

/* The value of the text or integer member `name`; NULL (0) where the type has no such member or it was not given. */
const char *parameters_text(const struct schema *schema, const void *values, const char *name);
int64_t parameters_integer(const struct schema *schema, const void *values, const char *name);

#endif
