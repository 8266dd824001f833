/* Guessing passwords: 10 failures in 15 minutes lock the account, and the address, for 15 minutes.
 *
 * An account's attempt is counted before the password is looked at and taken back when it was right, so that parallel
 * guesses do not get past the limit. A locked account is answered like a wrong password, which tells nobody that it
 * exists; a locked address is told to wait (429), which says nothing about any account. A lock is not prolonged by
 * attempts made under it. Counted in the database, so over all nodes. Source: security.md "Tokens". */
#ifndef AUTH_LOCKOUT_H
#define AUTH_LOCKOUT_H

#include "auth/request.h"

enum { LOCKOUT_FAILURES = 10, LOCKOUT_MS = 15 * 60 * 1000 };

/* Counts an attempt, in a transaction of its own. *locked: nothing may succeed. ERR_RATE with Retry-After: the address
 * is locked; nothing was counted. A client that does not exist leaves no trace and is not locked. */
enum err lockout_attempt(struct request *r, const char *email, bool *locked) must_check;

/* It failed: counts against the address. A transaction of its own. */
enum err lockout_failed(struct request *r) must_check;

/* It was right: the account starts anew. */
enum err lockout_passed(struct tx *tx, const char *client_id, const char *email) must_check;

/* SQL: whether users alias is locked at $now. */
#define LOCKED_SQL(alias, now)                                                                                         \
    "exists (select from login_failures f where f.client_id = " alias ".client_id"                                     \
    " and f.subject = 'account:' || lower(" alias ".email) and f.failures >= 10 and f.first_at > " now " - 900000)"

#endif
