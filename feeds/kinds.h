/* What kinds of changes the ledger has, and who may see which. A kind that is not listed is shown to nobody. */
#ifndef FEEDS_KINDS_H
#define FEEDS_KINDS_H

#include "auth/request.h"

/* The kinds that r may see, of those asked for (none asked for: all). ERR_FORBIDDEN: one of those asked for is not for it. */
enum err kinds_choose(struct request *r, const struct strings *asked, struct strings *out) must_check;

#endif
