/* Mail to users about what happens: new incidents and changes of their status, responses that wait for a decision - new ones, and those
 * that went back to New -, comments.
 *
 * Each client has one reader of its ledger (kind 'notify'). It only marks which users are concerned; when a user's mark falls
 * due - at once, but not within five minutes of that user's last mail - everything since goes into one mail, found with that
 * user's tenants as the transaction's. The mark's end and the mail in the queue are one transaction: each row is told of once.
 * Nobody is told of their own changes. Source: contract B5 (Mail). */
#ifndef NOTIFY_NOTICES_H
#define NOTIFY_NOTICES_H

#include "base/err.h"

enum { NOTICE_PAUSE_MS = 5 * 60 * 1000, NOTICES_LISTED_MAX = 100 };

/* Lets the readers that are behind mark users; one look over all clients. */
enum err notices_look(void) must_check;

/* The job (due.kind 'notify'): puts the user's mail into the queue. */
enum err notices_due(const char *client_id, const char *user_id) must_check;

#endif
