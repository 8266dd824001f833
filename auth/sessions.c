#include "auth/sessions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

/* Verified tokens, found by the token itself. Direct-mapped: tokens that share a slot take turns. */
enum { SLOTS = 4096, ARENA_BYTES = 64 * 1024 };

struct entry {
    struct arena arena;
    const char *token;
    const char *path_client; /* whose author name is in who */
    struct principal who;
    const char *scope_tenants;
    int64_t trusted_until_ms; /* monotonic */
};

static struct entry *cache[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t slot_of(const char *token, const char *path_client) {
    return hash_add_text(hash_add_text(HASH_START, token), path_client) % SLOTS;
}

static void copy_strings(struct arena *a, struct strings *to, const struct strings *from) {
    to->n = from->n;
    to->v = from->n ? arena_alloc(a, from->n * sizeof *to->v) : NULL;
    for (size_t i = 0; i < from->n; i++) to->v[i] = arena_strdup(a, from->v[i]);
}

void principal_copy(struct arena *a, struct principal *to, const struct principal *from) {
    *to = *from;
    to->client_id = arena_strdup(a, from->client_id);
    to->session_id = arena_strdup(a, from->session_id);
    to->user_id = arena_strdup(a, from->user_id);
    to->person_id = arena_strdup(a, from->person_id);
    to->name = arena_strdup(a, from->name);
    to->reader_id = *from->user_id ? to->user_id : to->session_id;
    copy_strings(a, &to->tenants, &from->tenants);
}

static void entry_free(struct entry *e) {
    if (!e) return;
    arena_free(&e->arena);
    free(e);
}

static void remember(const struct request *r) {
    struct entry *e = calloc(1, sizeof *e);
    if (!e) return;
    arena_init(&e->arena, ARENA_BYTES);
    e->token = arena_strdup(&e->arena, r->bearer);
    e->path_client = arena_strdup(&e->arena, r->client_id);
    principal_copy(&e->arena, &e->who, &r->who);
    e->scope_tenants = arena_strdup(&e->arena, r->scope.tenants);
    e->trusted_until_ms = monotonic_ms() + SESSION_TRUST_MS;
    size_t slot = slot_of(r->bearer, r->client_id);
    pthread_mutex_lock(&lock);
    entry_free(cache[slot]);
    cache[slot] = e;
    pthread_mutex_unlock(&lock);
}

static bool recall(struct request *r) {
    size_t slot = slot_of(r->bearer, r->client_id);
    pthread_mutex_lock(&lock);
    const struct entry *e = cache[slot];
    bool hit = e && !strcmp(e->token, r->bearer) && !strcmp(e->path_client, r->client_id) &&
               monotonic_ms() < e->trusted_until_ms && now_ms() / 1000 < e->who.expires_s;
    if (hit) {
        principal_copy(r->arena, &r->who, &e->who);
        r->scope = (struct db_scope){.client_id = r->client_id, .tenants = arena_strdup(r->arena, e->scope_tenants)};
    }
    pthread_mutex_unlock(&lock);
    return hit;
}

void session_forget(const char *client_id, const char *session_id) {
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SLOTS; i++) {
        if (!cache[i] || strcmp(cache[i]->who.session_id, session_id) != 0) continue;
        if (strcmp(cache[i]->who.client_id, client_id) != 0) continue;
        entry_free(cache[i]);
        cache[i] = NULL;
    }
    pthread_mutex_unlock(&lock);
}

static enum err read_session(struct request *r, const char *client_id, const char *session_id) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&(struct db_scope){.client_id = client_id}, &rows,
                "select session_name, role, all_tenants, array_to_string(tenants, ','), user_id,"
                "       coalesce(nullif(user_id, ''), nullif(made_by_user, ''), session_id)"
                "  from sessions where client_id = $1 and session_id = $2 and revoked_at = 0",
                "ss", client_id, session_id));
    if (!rows.n) return fail(r, ERR_TOKEN, "The token is invalid, expired or revoked.");
    struct principal *who = &r->who;
    who->client_id = arena_strdup(r->arena, client_id);
    who->session_id = arena_strdup(r->arena, session_id);
    who->name = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    who->role = role_parse(rows_text(&rows, 0, 1));
    who->all_tenants = rows_bool(&rows, 0, 2);
    who->user_id = arena_strdup(r->arena, rows_text(&rows, 0, 4));
    who->reader_id = *who->user_id ? who->user_id : who->session_id;
    who->person_id = arena_strdup(r->arena, rows_text(&rows, 0, 5));
    r->scope = (struct db_scope){.client_id = r->client_id, .tenants = "*"};
    if (who->all_tenants) return OK;
    who->tenants = strings_split(r->arena, rows_text(&rows, 0, 3), ',');
    r->scope.tenants = arena_strdup(r->arena, rows_text(&rows, 0, 3));
    return OK;
}

/* Idle is judged by days, so an hour's precision is enough and a busy connection does not write all the time. */
static enum err note_use(const char *client_id, const char *session_id) {
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &(struct db_scope){.client_id = client_id}));
    TRY(tx_run(
        &tx, NULL,
        "update sessions set last_used = $3 where client_id = $1 and session_id = $2 and last_used < $3 - 3600000",
        "ssi", client_id, session_id, now_ms()));
    return tx_commit(&tx);
}

/* The client exists: that is no secret to a SOC token, and others were refused before. */
static enum err find_client(struct request *r) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&(struct db_scope){.client_id = r->client_id}, &rows,
                "select soc_author_name from clients where client_id = $1", "s", r->client_id));
    if (!rows.n) return fail(r, ERR_FORBIDDEN, "The token does not cover this client.");
    if (r->who.role == ROLE_SOC_ANALYST) r->who.name = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    return OK;
}

enum err session_still(const struct principal *who, const struct db_scope *scope) {
    if (now_ms() / 1000 >= who->expires_s) return ERR_TOKEN;
    scope_rows struct rows rows = {0};
    TRY(db_read(&(struct db_scope){.client_id = who->client_id}, &rows,
                "select role, case when all_tenants then '*' else array_to_string(tenants, ',') end"
                "  from sessions where client_id = $1 and session_id = $2 and revoked_at = 0",
                "ss", who->client_id, who->session_id));
    bool same =
        rows.n && role_parse(rows_text(&rows, 0, 0)) == who->role && !strcmp(rows_text(&rows, 0, 1), scope->tenants);
    return same ? OK : ERR_TOKEN;
}

enum err session_load(struct request *r, const char *session_client_id, const char *session_id) {
    if (strcmp(session_client_id, r->client_id) != 0 && strcmp(session_client_id, "*") != 0)
        return fail(r, ERR_FORBIDDEN, "The token does not cover this client.");
    TRY(read_session(r, session_client_id, session_id));
    return find_client(r);
}

enum err session_authenticate(struct request *r) {
    if (recall(r)) return OK;
    struct token_claims claims;
    const char *why = NULL;
    if (token_verify(r->bearer, TOKEN_ACCESS, now_ms() / 1000, r->arena, &claims, &why) != OK) {
        LOG(DEBUG, "token_refused", log_s("why", why), log_s("request_id", r->request_id));
        return fail(r, ERR_TOKEN, "The token is invalid, expired or revoked.");
    }
    TRY(session_load(r, claims.client_id, claims.session_id));
    r->who.expires_s = claims.exp_s;
    remember(r);
    if (note_use(claims.client_id, claims.session_id) != OK)
        LOG(WARN, "note_use_failed", log_s("session", claims.session_id));
    return OK;
}
