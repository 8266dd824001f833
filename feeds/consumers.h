/* Positions of readers, kept under a name of their own. */
#ifndef FEEDS_CONSUMERS_H
#define FEEDS_CONSUMERS_H

#include "auth/request.h"

/* The position that the caller's consumer of this name has; 0 where there is none yet. */
enum err consumer_position(struct request *r, const char *name, int64_t *position) must_check;

#endif
