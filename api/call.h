/* One HTTP exchange as the edge hands it to the gates: plain data, no ulfius. */
#ifndef API_CALL_H
#define API_CALL_H

#include "auth/request.h"

struct call_pair {
    const char *name, *value;
};
enum { CALL_PAIRS_MAX = 100 };

struct call {
    const char *method, *path; /* path: raw, without query */
    struct call_pair headers[CALL_PAIRS_MAX], query[CALL_PAIRS_MAX];
    size_t headers_n, query_n;
    bool too_many_headers;
    const char *body;
    size_t body_bytes;
    bool body_cut;         /* longer than CALL_BODY_MAX */
    bool body_unreadable;  /* multipart without a usable boundary */
    struct upload *upload; /* the multipart body, NULL where there was none */
    bool metrics_listener;
    bool close;         /* out: no further request on this connection */
    int peer_fd;        /* the socket */
    const char *peer;   /* address of the socket's other end */
    int status;         /* out */
    struct reply reply; /* out */
};
/* How long a JSON body to this path may be (x-max-body-bytes). */
size_t gates_body_bytes_max(const char *path);

enum { CALL_BODY_MAX = 256 * 1024, CALL_BODY_MOST = 2 * 1024 * 1024, HEADERS_BYTES_MAX = 16 * 1024 };

const char *call_header(const struct call *c, const char *name); /* NULL = none */

/* Runs a call through the gates and its handler; always leaves a complete reply. */
void gates_run(struct call *c);

/* Before the first byte of a multipart body: whether the path takes an upload, and whether token and right allow to keep it. */
enum admission { ADMISSION_NO_UPLOAD, ADMISSION_REFUSED, ADMISSION_GRANTED };
enum admission gates_admit_upload(struct call *c);

#endif
