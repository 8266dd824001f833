#include "demo/session.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "demo/bodies.h"
#include "demo/copy.h"
#include "ledger/chain.h"

enum { PART_BYTES = 8 * 1024 * 1024, BODY_BYTES_MAX = 1024 * 1024 };

#define LEDGER_COLUMNS                                                                                                 \
    "client_id, position, changed_at, tenant_id, incident_id, kind, object_id, operation, changed_by, connection, "    \
    "snapshot, hash"

struct history {
    struct db_admin *admin;
    const struct world *w;
    const struct timeline *t;
    struct progress progress;
    struct chain chain; /* rows: the position */
    struct copy rows;
    struct buf body;
    int64_t said; /* rows that progress has been told */
};

/* One record: the fields that are hashed are those that the row holds. */
static void add_record(struct history *h, const struct content *c, const struct event *e, const char *kind,
                       const char *object_id, const char *operation, const char *changed_by) {
    char position[24], changed_at[24];
    snprintf(position, sizeof position, "%lld", (long long)h->chain.rows + 1);
    snprintf(changed_at, sizeof changed_at, "%lld", (long long)e->stamp);
    const char *texts[CHAIN_FIELDS] = {h->w->client_id, position,   changed_at, c->tenant->id, c->id, kind, object_id,
                                       operation,       changed_by, "",         NULL};
    struct chain_field fields[CHAIN_FIELDS];
    for (int i = 0; i < CHAIN_FIELDS - 1; i++) fields[i] = (struct chain_field){texts[i], strlen(texts[i])};
    fields[CHAIN_FIELDS - 1] = (struct chain_field){buf_text(&h->body), h->body.len};
    chain_add(&h->chain, fields);
    copy_text(&h->rows, h->w->client_id);
    copy_int(&h->rows, h->chain.rows);
    copy_int(&h->rows, e->stamp);
    for (int i = 3; i < CHAIN_FIELDS; i++) copy_textn(&h->rows, fields[i].text, fields[i].len);
    copy_bytes(&h->rows, h->chain.hash, sizeof h->chain.hash);
    copy_end(&h->rows);
    buf_reset(&h->body);
}

static const char *author(const struct event *e) {
    const struct step step = {.by_customer = e->by_customer, .person = e->person};
    return e->expired && e->kind == STEP_DECISION ? "MDR gateway" : step_author(&step);
}

static void add_incident(struct history *h, struct content *c, const struct event *e, bool made) {
    struct incident i = made ? content_incident_at_first(c) : content_incident(c);
    body_of_incident(&h->body, &i);
    add_record(h, c, e, "incident_details", c->id, made ? "create" : "update", author(e));
}

static void add_comment(struct history *h, struct content *c, const struct event *e) {
    struct comment m = content_comment(c, e->step);
    body_of_comment(&h->body, &m);
    add_record(h, c, e, "incident_comment", m.comment_id, "create", author(e));
}

static void add_attachment(struct history *h, struct content *c, const struct event *e) {
    struct attachment a = content_attachment(c, e->step);
    body_of_attachment(&h->body, &a);
    add_record(h, c, e, "incident_attachment", a.attachment_id, "create", author(e));
}

static void add_response(struct history *h, struct content *c, const struct event *e) {
    bool made = e->kind == STEP_RESPONSE;
    struct response r = made ? content_response_at_first(c, e->step) : content_response(c, e->of);
    body_of_response(&h->body, &r);
    add_record(h, c, e, "incident_response", r.response_id, made ? "create" : "update", author(e));
}

/* The child's own record comes before the incident's. The newest record of each object shows it as it is. */
static void add_event(struct history *h, const struct event *e) {
    struct content c;
    content_make(h->w, e->incident, h->t->stamps + h->t->first[e->incident], &c);
    switch ((enum step_kind)e->kind) {
    case STEP_CREATE: add_incident(h, &c, e, true); break;
    case STEP_COMMENT: add_comment(h, &c, e); break;
    case STEP_ATTACHMENT: add_attachment(h, &c, e); break;
    case STEP_RESPONSE:
    case STEP_DECISION: add_response(h, &c, e); break;
    case STEP_STATUS: break;
    }
    if (e->last && e->kind != STEP_CREATE) add_incident(h, &c, e, false);
    content_free(&c);
}

static enum err flush(struct history *h) {
    if (h->rows.rows.failed || h->body.failed) return ERR_UNAVAILABLE;
    TRY(session_copy(h->admin, "ledger", LEDGER_COLUMNS, &h->rows));
    copy_reset(&h->rows);
    progress_add(&h->progress, h->chain.rows - h->said);
    h->said = h->chain.rows;
    return OK;
}

static enum err add_all(struct history *h) {
    for (size_t i = 0; i < h->t->n; i++) {
        add_event(h, &h->t->events[i]);
        if (h->rows.rows.len >= PART_BYTES) TRY(flush(h));
    }
    return flush(h);
}

/* Where the client's ledger ends; it stays locked. */
static enum err find_end(struct history *h) {
    scope_rows struct rows end = {0};
    TRY(db_admin_query(h->admin, &end,
                       "select position, encode(hash, 'hex') from clocks where client_id = $1 for update", "s",
                       h->w->client_id));
    const char *hash = rows_text(&end, 0, 1);
    sodium_hex2bin(h->chain.hash, sizeof h->chain.hash, hash, strlen(hash), NULL, NULL, NULL);
    h->said = h->chain.rows = rows_int(&end, 0, 0);
    return OK;
}

static enum err set_clock(struct history *h) {
    scope_rows struct rows none = {0};
    return db_admin_query(h->admin, &none,
                          "update clocks set position = $2, hash = $3, stamp = greatest(stamp, $4),"
                          "                  incident_number = greatest(incident_number, $5) where client_id = $1",
                          "sixii", h->w->client_id, h->chain.rows, h->chain.hash, sizeof h->chain.hash,
                          h->t->n ? h->t->events[h->t->n - 1].stamp : 0, world_last_number(h->w));
}

enum err history_write(struct db_admin *admin, const struct world *w, const struct timeline *t, int64_t *count) {
    struct history h = {.admin = admin, .w = w, .t = t};
    *count = 0;
    for (size_t i = 0; i < t->n; i++) *count += (int64_t)event_records(&t->events[i]);
    copy_init(&h.rows, 2 * PART_BYTES);
    buf_init(&h.body, BODY_BYTES_MAX);
    progress_begin(&h.progress, "history", *count);
    enum err e = find_end(&h);
    int64_t from = h.chain.rows;
    if (e == OK) e = add_all(&h);
    if (e == OK && h.chain.rows != from + *count) e = ERR_INTERNAL;
    if (e == OK) e = set_clock(&h);
    progress_end(&h.progress);
    copy_free(&h.rows);
    buf_free(&h.body);
    return e;
}
