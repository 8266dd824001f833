/* One request on its way: who asks, for which client, what, and what goes wrong. Handlers see this, not HTTP. */
#ifndef AUTH_REQUEST_H
#define AUTH_REQUEST_H

#include <jansson.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/db.h"
#include "base/err.h"
#include "base/strings.h"

/* Roles as bits, so that a permission is a mask. Source: contract A3, B1, B3. */
enum role {
    ROLE_SUPERVISOR = 1,
    ROLE_SENIOR_OFFICER = 2,
    ROLE_OFFICER = 4,
    ROLE_SOC_ANALYST = 8,
    ROLE_CONNECTOR = 16,
};
const char *role_code(enum role r);     /* "SENIOR_OFFICER" */
enum role role_parse(const char *code); /* 0 = unknown */

/* Who asks. All borrowed from the request's arena. */
struct principal {
    const char *client_id;  /* of the session: "*" for a SOC connection of all clients */
    const char *session_id; /* uuid */
    const char *user_id;    /* "" for an API connection */
    const char *person_id;  /* who decides: the user, also behind a connection of theirs; else session_id */
    const char *name;       /* author_name of what it writes */
    const char *reader_id;  /* whose was_read: user_id, else session_id */
    enum role role;
    bool all_tenants;
    struct strings tenants; /* tenant ids; "-" = root; empty when all_tenants */
    int64_t expires_s;
};

struct fault_item {
    const char *pointer, *detail; /* pointer: RFC 6901 of the member */
};
enum { FAULT_ITEMS_MAX = 20, FAULT_EXTRAS_MAX = 2 };

/* What went wrong, recorded once, where it happened. */
struct fault {
    enum err err;
    const char *detail;
    struct fault_item items[FAULT_ITEMS_MAX];
    size_t items_n;
    struct {
        const char *key, *json; /* extra members of the problem body, e.g. "response" */
    } extras[FAULT_EXTRAS_MAX];
    size_t extras_n;
    int retry_after_s;
};

/* The write that an Idempotency-Key names; see auth/idempotency.h. */
struct idempotency {
    const char *key;       /* NULL: the request has none */
    const char *body_hash; /* SHA-256 in hex */
};

struct upload; /* api/upload.h */

struct request {
    struct arena *arena;
    const char *operation; /* operationId */
    const char *request_id;
    const char *client_id;                         /* of the path; checked against the token */
    const char *path_id;                           /* second path parameter, if the path has one; else "" */
    const char *accept, *if_match, *last_event_id; /* the headers; NULL = none */
    int peer_fd;         /* of the connection, only to see whether the caller is still there */
    const char *address; /* of the caller, behind trusted proxies the forwarded one */
    const char *bearer;  /* the raw access token; "" where there is none */
    struct principal who;
    struct db_scope scope; /* of client_id and the token's tenants */
    json_t *body;          /* NULL where there was none */
    struct upload *upload; /* multipart operations only */
    struct idempotency idempotency;
    struct fault fault;
};

const char *origin_of(const struct request *r); /* "Service" for the SOC, else "Client" */

/* Records the first fault and returns e. Detail is for the client: no SQL, file names or library texts. */
enum err fail(struct request *r, enum err e, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* An extra member of the problem body; json is copied. */
void fault_extra(struct request *r, const char *key, const char *json);
/* A missing object and a foreign one are answered alike, everywhere. Returns ERR_NOT_FOUND. */
#define NOT_FOUND_DETAIL "No such object, or not one that this token may see."
enum err fail_not_found(struct request *r);
/* Adds an invalid member ("/priority") and returns ERR_INVALID. */
enum err fail_at(struct request *r, const char *pointer, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The answer: bytes, or a source of bytes that is asked until it ends. */
struct reply {
    struct buf body;
    const char *content_type; /* NULL = application/json; charset=utf-8 */
    struct {
        const char *name, *value;
    } headers[12];
    size_t headers_n;
    /* Streaming: fill up to max bytes, return how many; 0 = end, -1 = broken off. */
    int64_t (*stream)(void *source, char *out, size_t max);
    void (*stream_free)(void *source);
    void *stream_source;
    int64_t stream_bytes; /* -1 = unknown: chunked */
};
void reply_header(struct reply *p, const char *name, const char *value); /* borrowed: arena or static */

#endif
