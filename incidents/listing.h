/* One page of incidents on its way out, slice by slice: small pages into the reply at once, large ones streamed, so that a page of
 * 10,000 is never held whole and a slow client holds no database connection. */
#ifndef INCIDENTS_LISTING_H
#define INCIDENTS_LISTING_H

#include "build/gen/operations.h"

enum err listing_run(struct request *r, const struct incidents_list_args *args, struct reply *out) must_check;

/* The page of what is known to be empty. */
enum err listing_empty(struct request *r, const struct incidents_list_args *args, struct reply *out) must_check;

#endif
