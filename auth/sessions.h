/* Who a token or ticket stands for, and whether that still holds. A session's row is looked at again every SESSION_TRUST_MS, so a
 * revocation, a new role or another list of tenants takes effect on every node within that time (contract A2, A3). */
#ifndef AUTH_SESSIONS_H
#define AUTH_SESSIONS_H

#include "auth/request.h"
#include "auth/token.h"

enum { SESSION_TRUST_MS = 2000 };

/* Fills r->who and r->scope from r->bearer and r->client_id.
 * ERR_TOKEN: bad, expired or revoked token. ERR_FORBIDDEN: the token does not cover r->client_id. ERR_UNAVAILABLE. */
enum err session_authenticate(struct request *r) must_check;

/* The same for a session known by its id (tickets). */
enum err session_load(struct request *r, const char *session_client_id, const char *session_id) must_check;

/* Whether what a session gave some time ago still holds, for what goes on for long: it was not revoked, its role and tenants are the
 * same, the token has not expired. ERR_TOKEN, ERR_UNAVAILABLE. */
enum err session_still(const struct principal *who, const struct db_scope *scope) must_check;

void principal_copy(struct arena *a, struct principal *to, const struct principal *from);

/* Forgets what this process trusts about a session, so that a change made here counts here at once. */
void session_forget(const char *client_id, const char *session_id);

#endif
