/* People who sign in: their rows, shown and changed. Source: contract B6. */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include "auth/connections.h"
#include "auth/request.h"

enum { INVITATION_CHARS = 40 };
#define INVITATION_MS (7LL * 24 * 3600 * 1000)

/* Writes the user (openapi.yaml `user`). Inside a transaction as it is there. ERR_NOT_FOUND: none, or outside of the
 * tenants of r->who and not r->who itself. */
enum err user_write(struct request *r, struct tx *tx, const char *user_id, struct buf *b) must_check;
/* All that r->who may manage, as an array. */
enum err users_write(struct request *r, struct buf *b) must_check;

/* A user's row, locked. From the arena. */
struct user {
    const char *user_id, *email, *name, *role, *status, *password_hash;
    const char *totp_sealed_hex; /* "" = none */
    bool all_tenants, totp_enabled;
    struct strings tenants;
};
/* Locks the user, and before it (by id) every active administrator where guard_admins, so that two changes cannot take
 * away the last two. ERR_NOT_FOUND as user_write. */
enum err user_lock(struct request *r, struct tx *tx, const char *user_id, bool guard_admins,
                   struct user *out) must_check;

/* ERR_CONFLICT when the user is the last active administrator (of all tenants, where it sees all). */
enum err user_not_last_admin(struct request *r, struct tx *tx, const struct user *u) must_check;

/* Appends the user as it is now to the ledger (kind `user`; no hashes, no secrets). */
enum err user_record(struct tx *tx, const char *client_id, const char *user_id, const char *operation,
                     struct change *by) must_check;

/* Revokes the user's sessions but `except` ("" = none); ids for session_forget() after the commit. */
enum err user_sessions_revoke(struct request *r, struct tx *tx, const char *user_id, const char *except,
                              struct change *by, struct strings *ids) must_check;
void user_sessions_forget(const char *client_id, const struct strings *session_ids);

/* Making one. */
struct user_spec {
    const char *client_id, *email, *name, *language;
    enum role role; /* SUPERVISOR, SENIOR_OFFICER or OFFICER */
    bool all_tenants;
    struct strings tenants;
    const char *password_hash; /* "" = invited */
};
struct user_made {
    char user_id[ID20_BYTES];
    char invitation[INVITATION_CHARS + 1]; /* "" where the password is set */
    const char *link;                      /* to accept it; in the arena */
};
/* Inserts it, records it, and where mail is set up puts the invitation into the queue. tx is a write of the client.
 * ERR_CONFLICT: the e-mail is taken. ERR_NOT_FOUND: no such client. */
enum err user_create(struct arena *arena, struct tx *tx, const struct user_spec *spec, struct change *by,
                     struct user_made *out) must_check;

#endif
