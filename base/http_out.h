/* HTTP POST to receivers that clients name: nothing that they choose may lead the gateway to itself or its neighbours, and
 * none of them can hold it up.
 *
 * - https, and http only to addresses that MDR_EGRESS_ALLOW names; the address is checked when the socket is opened, so that it
 *   is the one connected to, whatever a name resolved to before. Authorities: the system's, or MDR_EGRESS_CA_FILE.
 * - No redirects, no proxy (also none of the environment), no cookies, no credentials, no other protocols.
 * - 5 s to connect, 15 s in all. Of a reply the status counts, and HTTP_OUT_READ_BYTES are read at most.
 *
 * Source: security.md "Going out". */
#ifndef BASE_HTTP_OUT_H
#define BASE_HTTP_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    HTTP_OUT_CONNECT_MS = 5000,
    HTTP_OUT_TOTAL_MS = 15000,
    HTTP_OUT_READ_BYTES = 64 * 1024,
    HTTP_OUT_URL_BYTES = 2000
};

/* A URL that may be called as far as can be told before connecting: https (or http where something is allowed), a host name or an address
 * that is not refused, port 443 or 1024 and above (http: 80), no user, no fragment. NULL, or what is wrong with it as a sentence. */
const char *http_out_url_fault(const char *url);

struct http_out_header {
    const char *name, *value; /* no CR, LF, NUL */
};

struct http_out_request {
    const char *url;
    const struct http_out_header *headers;
    size_t headers_n;
    const char *body; /* JSON; copied */
    size_t body_bytes;
};

struct http_out_reply {
    int status; /* 0 where there was none */
    /* "" where a status came and the reply ended; else refused_address, name_not_found, connect, tls, timeout, protocol */
    const char *error;
    int64_t duration_ms;
    char text[600]; /* of the body: at most 200 characters, no controls, valid UTF-8 */
};

/* Sends and waits. False: out of memory. */
bool http_out_send(const struct http_out_request *request, struct http_out_reply *reply) must_check;

/* Many at a time, by one thread. */
struct http_out_pool;
struct http_out_pool *http_out_pool_new(void); /* NULL: out of memory */
/* Ends what is in flight without an answer and frees everything; `ended` is called with the user of each. */
void http_out_pool_free(struct http_out_pool *pool, void (*ended)(void *user));

bool http_out_start(struct http_out_pool *pool, const struct http_out_request *request, void *user) must_check;
/* Moves everything on, waiting up to ms for something to happen, or for http_out_wake(). */
void http_out_work(struct http_out_pool *pool, int ms);
/* One that has ended since, with its user; false: none. */
bool http_out_ended(struct http_out_pool *pool, void **user, struct http_out_reply *reply);
/* From any thread: http_out_work() returns at once. */
void http_out_wake(struct http_out_pool *pool);

#endif
