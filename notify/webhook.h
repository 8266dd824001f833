/* What a webhook sends: its configuration, the next row of the ledger that passes its filter, and that row as a signed request.
 * Source: contract B5, Standard Webhooks 1.0. */
#ifndef NOTIFY_WEBHOOK_H
#define NOTIFY_WEBHOOK_H

#include "base/db.h"
#include "base/http_out.h"
#include "feeds/ledger_rows.h"
#include "notify/webhook_sign.h"

#define WEBHOOK_READER "webhook" /* its kind in readers; the reader id is the webhook id */

enum {
    WEBHOOK_DELIVERY_ID_BYTES = 64,
    WEBHOOK_EVENT_BYTES_MAX = 8 * 1024 * 1024,
    WEBHOOK_OVERLAP_MS = 24 * 3600 * 1000, /* both secrets sign after a rotation */
};

struct webhook {
    const char *webhook_id, *url;
    struct strings kinds, priorities, statuses, tenants_names;
    bool enabled;
    int secrets_n; /* 1, or 2 for a while after a rotation: the present one first */
    unsigned char secrets[2][WEBHOOK_SECRET_BYTES];
};
void webhook_wipe(struct webhook *w); /* the secrets */

/* Columns of webhooks w, and what they make of them, from column `at` on; texts in the arena. ERR_NOT_FOUND (no row, or NULLs),
 * ERR_INTERNAL (a secret of another key file). */
extern const char webhook_columns[];
enum err webhook_read(struct arena *arena, const char *client_id, const char *webhook_id, const struct rows *rows,
                      int at, struct webhook *out) must_check;
enum err webhook_load(struct arena *arena, const char *client_id, const char *webhook_id,
                      struct webhook *out) must_check;

/* Seals a new secret for storage and gives its text. sealed takes WEBHOOK_SEALED_BYTES. */
enum { WEBHOOK_SEALED_BYTES = WEBHOOK_SECRET_BYTES + 40 };
enum err webhook_new_secret(const char *client_id, const char *webhook_id, char text[WEBHOOK_SECRET_TEXT_BYTES],
                            unsigned char sealed[WEBHOOK_SEALED_BYTES]) must_check;

/* One event on its way. */
struct webhook_event {
    char delivery_id[WEBHOOK_DELIVERY_ID_BYTES]; /* the header webhook-id: the same in each attempt */
    int64_t position;                            /* 0 = a test */
    const char *type;                            /* "incident_details.update"; arena */
    struct buf body;
};

/* The first row behind `after` that passes. None: event->position is 0, *upto says how far was looked at; more rows may be behind
 * it. event->body must be initialised. */
enum err webhook_next_event(struct arena *arena, const char *client_id, const struct webhook *w, int64_t after,
                            struct webhook_event *event, int64_t *upto, int64_t *newest) must_check;
/* An event that says only that it is a test. */
void webhook_test_event(const struct webhook *w, struct webhook_event *event);

/* The request of one attempt at this moment: headers signed anew, body as it is. */
struct webhook_request {
    struct http_out_request http;
    struct http_out_header headers[3];
    char timestamp[24], signature[2 * WEBHOOK_SIGNATURE_BYTES];
};
void webhook_request(const struct webhook *w, const struct webhook_event *event, struct webhook_request *out);

/* ---- outcomes ---- */

enum webhook_outcome { WEBHOOK_DELIVERED, WEBHOOK_RETRYING, WEBHOOK_FAILED, WEBHOOK_OUTCOMES };
extern const char *const webhook_outcome_words[WEBHOOK_OUTCOMES];

static inline bool webhook_accepted(const struct http_out_reply *reply) {
    return !*reply->error && reply->status >= 200 && reply->status < 300;
}

/* Notes one attempt in the log. body (may be NULL) gets the row as replies show it. */
struct webhook_attempt {
    const struct webhook_event *event;
    const struct http_out_reply *reply;
    enum webhook_outcome outcome;
    int64_t attempt, attempted_at, retry_at;
};
enum err webhook_log(struct tx *tx, const char *webhook_id, const struct webhook_attempt *a,
                     struct buf *body) must_check;
/* The same as a statement: inserts from what `from` selects, one row or none. */
void webhook_log_sql(struct sql *q, const char *client_id, const char *webhook_id, const struct webhook_attempt *a,
                     const char *from);
/* Now and then takes out of the log what is too much. */
enum err webhook_trim_log(const char *client_id, const char *webhook_id) must_check;

/* Switches it off and notes that in the client's ledger, in the name of `by`; the reader's row is locked already. Its reader is paused.
 * last: the stamp, for feed_published(). */
enum err webhook_disable(struct tx *tx, const char *webhook_id, const char *reason, int64_t *stamp) must_check;

#endif
