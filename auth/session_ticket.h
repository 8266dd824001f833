/* One-time tickets: a GET from a page that cannot send headers. Source: contract B6. */
#ifndef AUTH_SESSION_TICKET_H
#define AUTH_SESSION_TICKET_H

#include "auth/request.h"

enum { TICKET_LIFE_MS = 60 * 1000 };

/* Spends the ticket, if it was made for this path (without query), and fills r->who and r->scope with its maker's present rights.
 * ERR_TOKEN: unknown, spent, expired, or for another path. */
enum err ticket_redeem(struct request *r, const char *ticket, const char *path) must_check;

#endif
