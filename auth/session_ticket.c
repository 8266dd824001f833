#include "auth/session_ticket.h"

#include <string.h>

#include "auth/pair.h"
#include "auth/sessions.h"
#include "base/clock.h"
#include "base/random.h"
#include "build/gen/operations.h"

/* ---- making ---- */

/* A raw path against a template; the client stands in it as it stands in the token's paths. */
static bool fits(const char *template, const char *path, const char *client_id) {
    while (*template && *path) {
        if (*template != '{') {
            if (*template ++ != *path++) return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        bool client = !strncmp(template, "{client_id}", 11);
        if (!len || (client && (len != strlen(client_id) || strncmp(path, client_id, len) != 0))) return false;
        template = strchr(template, '}') + 1;
        path += len;
    }
    return !*template && !*path;
}

static bool opens(const char *path, const char *client_id) {
    for (size_t i = 0; i < operations_n; i++)
        if (operations[i].ticket && !strcmp(operations[i].method, "GET") && fits(operations[i].path, path, client_id))
            return true;
    return false;
}

static enum err store(struct request *r, const char *ticket, const char *path, int64_t now) {
    char hash[65];
    token_hash(ticket, hash);
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(tx_run(&tx, NULL,
               "with old as (delete from tickets where client_id = $1 and expires_at <= $6)"
               " insert into tickets (client_id, ticket_hash, path, session_client_id, session_id, expires_at,"
               "   token_expires_at) values ($1, $2, $3, $4, $5, $7, $8)",
               "sssssiii", r->client_id, hash, path, r->who.client_id, r->who.session_id, now, now + TICKET_LIFE_MS,
               r->who.expires_s * 1000));
    return tx_commit(&tx);
}

enum err session_ticket(struct request *r, const struct session_ticket_args *args, struct reply *out) {
    const char *path = arena_strndup(r->arena, args->path, strcspn(args->path, "?"));
    if (!opens(path, r->client_id))
        return fail_at(r, "/path", "Tickets open GET paths of this client, such as an attachment's; see /docs.");
    char ticket[2 * ID20_BYTES];
    random_id20(ticket);
    random_id20(ticket + ID20_BYTES - 1);
    int64_t now = now_ms();
    TRY(store(r, ticket, path, now));
    json_open(&out->body, '{');
    json_kstr(&out->body, "ticket", ticket);
    json_kint(&out->body, "expires_at", now + TICKET_LIFE_MS);
    json_close(&out->body, '}');
    return OK;
}

/* ---- spending ---- */

static enum err refuse(struct request *r) {
    return fail(r, ERR_TOKEN, "The ticket is unknown, spent, expired, or for another path.");
}

static enum err spend(struct request *r, const char *ticket, const char *path, char **client_id, char **session_id) {
    char hash[65];
    token_hash(ticket, hash);
    struct db_scope scope = client_scope(r->client_id);
    scope_rows struct rows rows = {0};
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(tx_run(&tx, &rows,
               "delete from tickets where client_id = $1 and ticket_hash = $2 and path = $3 and expires_at > $4"
               " returning session_client_id, session_id, token_expires_at",
               "sssi", r->client_id, hash, path, now_ms()));
    if (!rows.n) return refuse(r);
    *client_id = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    *session_id = arena_strdup(r->arena, rows_text(&rows, 0, 1));
    r->who.expires_s = rows_int(&rows, 0, 2) / 1000;
    return tx_commit(&tx);
}

enum err ticket_redeem(struct request *r, const char *ticket, const char *path) {
    char *client_id = NULL, *session_id = NULL;
    if (!*ticket || strlen(ticket) > 200) return refuse(r);
    TRY(spend(r, ticket, path, &client_id, &session_id));
    return session_load(r, client_id, session_id);
}
