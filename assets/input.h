/* Reported assets as one JSON text for SQL. Pure: no SQL here, no request. Source: contract B1. */
#ifndef ASSETS_INPUT_H
#define ASSETS_INPUT_H

#include "base/arena.h"
#include "base/buf.h"
#include "build/gen/operations.h"

/* An array of objects that hold n (place in the call, from 0), asset_id and whatever else was given. The tenant becomes
 * home_id ("-" for the root) or, where it was given by name, home_name. Network interfaces get all their keys. */
void assets_input_json(struct buf *out, const struct asset_input *assets, size_t n);

/* Place of the second asset with an id that stands twice, -1 = none does. */
long assets_input_double(struct arena *a, const struct asset_input *assets, size_t n);

#endif
