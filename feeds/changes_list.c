/* changes/list: rows of the ledger behind a position, waited for where there are none. Source: contract B5. */
#include "api/list_writer.h"
#include "auth/sessions.h"
#include "base/clock.h"
#include "base/feed.h"
#include "build/gen/operations.h"
#include "feeds/consumers.h"
#include "feeds/kinds.h"
#include "feeds/ledger_rows.h"
#include "feeds/waiting.h"

enum {
    SLICE_ROWS = 100,
    PAGE_BYTES = 8 * 1024 * 1024, /* a page that is longer ends early */
    SEARCH_MS = 2000,             /* so long one request goes through rows that its filter leaves out */
};

/* A page on its way. */
struct changes {
    struct ledger_filter filter;
    struct list_writer writer;
    struct buf *out;
    int64_t limit, n; /* rows wanted, rows there */
    int64_t next, newest;
};

static enum err start(struct request *r, const struct changes_list_args *args, struct changes *c) {
    int64_t newest = 0;
    if (args->has_after && args->consumer) return fail_at(r, "/consumer", "is given beside after");
    TRY(ledger_guard_incident(r, args->incident_id));
    TRY(ledger_newest(r->client_id, &newest));
    c->next = args->has_after ? args->after : 0;
    if (args->consumer) TRY(consumer_position(r, args->consumer, &c->next));
    if (c->next < 0) c->next = newest;
    if (c->next > newest) return fail_at(r, "/after", "is beyond the newest position, %lld", (long long)newest);
    c->filter = (struct ledger_filter){.scope = r->scope,
                                       .session_id = r->who.session_id,
                                       .ignore_self = args->ignore_self,
                                       .incident_id = args->incident_id};
    c->limit = args->limit;
    return kinds_choose(r, &args->kinds, &c->filter.kinds);
}

static enum err take_slice(struct changes *c) {
    int64_t left = c->limit - c->n;
    scope_ledger_page struct ledger_page page = {0};
    TRY(ledger_read(&c->filter, c->next, left < SLICE_ROWS ? left : SLICE_ROWS, &page));
    for (int i = 0; i < page.n; i++) {
        ledger_row_add(list_item(&c->writer, c->out), &page, i, c->filter.session_id);
        list_item_end(&c->writer, c->out);
    }
    c->n += page.n;
    c->next = page.next;
    c->newest = page.newest;
    return OK;
}

static enum err take_page(struct changes *c) {
    int64_t until = monotonic_ms() + SEARCH_MS;
    do TRY(take_slice(c));
    while (c->next < c->newest && c->n < c->limit && c->out->len < PAGE_BYTES && monotonic_ms() < until);
    return OK;
}

/* What a connection may see may have changed while it waited. */
static enum err still_allowed(struct request *r) {
    enum err e = session_still(&r->who, &r->scope);
    return e == ERR_TOKEN ? fail(r, e, "The token was revoked or its rights changed while this waited.") : e;
}

static enum err take_page_waiting(struct request *r, struct changes *c, int64_t wait_s) {
    int64_t until = monotonic_ms() + wait_s * 1000, stamp = 0;
    scope_waiting struct waiting place = {0};
    for (;;) {
        TRY(feed_stamp(r->client_id, &stamp));
        TRY(take_page(c));
        if (c->n || c->next < c->newest || monotonic_ms() >= until) return OK;
        TRY(waiting_enter(r, &place, r->client_id, r->who.reader_id, false));
        if (!feed_wait(r->client_id, stamp, until)) return OK;
        TRY(still_allowed(r));
    }
}

static enum err answer(struct request *r, const struct changes_list_args *args, struct changes *c, struct reply *out) {
    bool json = c->writer.format == LIST_JSON;
    if (json) buf_adds(c->out, "{\"changes\":");
    list_open(&c->writer, c->out);
    TRY(take_page_waiting(r, c, args->wait_s));
    list_close(&c->writer, c->out);
    bool more = c->next < c->newest;
    reply_header(out, "Changes-Next", arena_printf(r->arena, "%lld", (long long)c->next));
    reply_header(out, "Changes-More", more ? "true" : "false");
    if (!json) return OK;
    json_kint(c->out, "next", c->next);
    json_kbool(c->out, "more", more);
    json_close(c->out, '}');
    return OK;
}

enum err changes_list(struct request *r, const struct changes_list_args *args, struct reply *out) {
    struct changes c = {.out = &out->body};
    TRY(start(r, args, &c));
    list_writer_init(&c.writer, r, &changes_list_columns, out);
    enum err e = answer(r, args, &c, out);
    list_writer_free(&c.writer);
    return e;
}
