/* API connections: making, revoking, and their trace in the ledger (kind `connection`; people's log-ins too).
 * Connections of all clients ('*') leave no ledger rows, since no client's ledger is theirs; the log tells of them.
 * Source: contract A2. */
#ifndef AUTH_CONNECTIONS_H
#define AUTH_CONNECTIONS_H

#include "auth/request.h"
#include "auth/write.h"
#include "base/random.h"

struct connection_spec {
    const char *client_id; /* "*" = all clients (SOC_ANALYST) */
    const char *name;
    enum role role;
    bool all_tenants;
    struct strings tenants;   /* ids that exist; empty when all_tenants */
    const char *made_by_user; /* user_id, "" or NULL = the command line, or a connection that no user made */
};
struct connection_made {
    char session_id[UUID_BYTES];
    char *refresh_token; /* good once within 24 h; in the arena */
    int64_t creation_time, refresh_until;
};
/* One transaction. ERR_INVALID: more tenants than a token has room for. ERR_NOT_FOUND: no such client. */
enum err connection_create(struct arena *arena, const struct connection_spec *spec, struct change *by,
                           struct connection_made *out) must_check;

/* An access token for the command line, by a connection "Command line (ROLE)" of its own, made when it is missing.
 * Errors as connection_create. */
enum err connection_shell_token(struct arena *arena, const char *client_id, enum role role, char **token) must_check;

/* Revokes it, unless it is; its tokens fail from the commit on (session_forget() after it makes that at once). */
enum err connection_revoke(struct tx *tx, const char *client_id, const char *session_id, struct change *by) must_check;

/* Appends the session as it is now to the ledger; operation is create or update. */
enum err connection_record(struct tx *tx, const char *client_id, const char *session_id, const char *operation,
                           struct change *by) must_check;

/* "Pending activation", "Active", "Idle" or "Revoked"; times in ms, 0 = never. */
#define CONNECTION_IDLE_MS (30LL * 24 * 3600 * 1000)
const char *connection_status(int64_t activated_at, int64_t last_used, int64_t revoked_at, int64_t now_ms);

#endif
