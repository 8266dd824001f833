/* GET events: the rows of the ledger as Server-Sent Events, on a thread of its own for as long as it lives, without a database connection
 * between two looks. Source: contract B5, WHATWG HTML "Server-sent events". */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "api/list_writer.h"
#include "auth/sessions.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/feed.h"
#include "base/log.h"
#include "base/strings.h"
#include "build/gen/operations.h"
#include "feeds/kinds.h"
#include "feeds/ledger_rows.h"
#include "feeds/looks.h"
#include "feeds/waiting.h"

enum {
    LOOK_MS = 1000, /* at most so long until it is seen that the caller is gone */
    HEARTBEAT_MS = 15 * 1000,
    RECHECK_MS = 4 * 1000,            /* a revocation ends the stream within 5 s */
    RETRY_MS = 500,                   /* while the database is away */
    FETCH_ROWS = 16,                  /* in one look, */
    PENDING_BYTES = 32 * 1024,        /* of which so much is kept for a caller that reads slowly, */
    ROW_BYTES_MAX = 16 * 1024 * 1024, /* and one row whole, however long */
    ARENA_BYTES = 64 * 1024,
    POSITION_DIGITS_MAX = 16,
};

struct stream {
    struct arena arena; /* of all texts */
    struct principal who;
    struct ledger_filter filter;
    int64_t position;                 /* everything up to here was looked at */
    int64_t told;                     /* the last id that was sent */
    int64_t stamp;                    /* of the client when nothing more was found: -1 = look again */
    int64_t heartbeat_ms, recheck_ms; /* monotonic: when it is due */
    int peer_fd;
    bool ended;
    struct buf pending;
    size_t sent;
    struct waiting place;
};

static void stream_free(void *arg) {
    struct stream *s = arg;
    waiting_leave(&s->place);
    buf_free(&s->pending);
    arena_free(&s->arena);
    free(s);
}

/* ---- what is sent ---- */

static void tell_position(struct stream *s) {
    if (s->told == s->position) return;
    buf_addf(&s->pending, "id: %lld\n", (long long)s->position);
    s->told = s->position;
}

static void add_event(struct stream *s, const struct ledger_page *page, int i) {
    s->position = ledger_row_position(page, i);
    tell_position(s);
    buf_addf(&s->pending, "event: %s\ndata: ", ledger_row_kind(page, i));
    scope_buf struct buf row;
    buf_init(&row, ROW_BYTES_MAX);
    ledger_row_add(&row, page, i, s->who.session_id);
    if (row.len) json_one_line(row.data, row.len);
    buf_add(&s->pending, buf_text(&row), row.len);
    buf_adds(&s->pending, "\n\n");
}

/* detail: plain text that JSON need not escape */
static void end_with_error(struct stream *s, enum err e, const char *detail) {
    buf_addf(&s->pending, "event: error\ndata: {\"code\":\"%s\",\"detail\":\"%s\"}\n\n", err_code(e), detail);
    s->ended = true;
}

static void end_stopping(struct stream *s) {
    tell_position(s);
    buf_adds(&s->pending, ": the gateway is stopping\n\n");
    s->ended = true;
}

/* The id of a stream that moved past rows which it does not show goes along, so that nobody looks at them again. */
static void heartbeat(struct stream *s, int64_t now) {
    buf_adds(&s->pending, ": heartbeat\n");
    tell_position(s);
    buf_addc(&s->pending, '\n');
    s->heartbeat_ms = now + HEARTBEAT_MS;
}

/* ---- what is looked at ---- */

static bool peer_gone(const struct stream *s) {
    struct pollfd p = {.fd = s->peer_fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

/* False: wait for the database. */
static bool still_allowed(struct stream *s, int64_t now) {
    if (now_ms() / 1000 >= s->who.expires_s) {
        end_with_error(s, ERR_TOKEN, "The token has expired.");
        return true;
    }
    if (now < s->recheck_ms) return true;
    enum err e = session_still(&s->who, &s->filter.scope);
    if (e == ERR_TOKEN) end_with_error(s, e, "The token was revoked, or its rights changed.");
    s->recheck_ms = now + RECHECK_MS;
    if (e == OK || e == ERR_TOKEN) return true;
    s->recheck_ms = now;
    return false;
}

static enum err take_rows(struct stream *s) {
    scope_look struct look *look = NULL;
    TRY(look_read(&s->filter, s->position, FETCH_ROWS, s->stamp, &look));
    const struct ledger_page *page = look_page(look);
    int sent = 0;
    while (sent < page->n && s->pending.len < PENDING_BYTES) add_event(s, page, sent++);
    waiting_sent(sent);
    if (sent == page->n) s->position = page->next;
    if (sent < page->n || page->next < page->newest) s->stamp = -1;
    return OK;
}

static enum err look(struct stream *s) {
    TRY(feed_stamp(s->filter.scope.client_id, &s->stamp));
    return take_rows(s);
}

static int64_t earliest(int64_t a, int64_t b) { return a < b ? a : b; }

/* One step: afterwards something is pending, the stream has ended, or some time has passed. */
static void step(struct stream *s) {
    const char *client_id = s->filter.scope.client_id;
    int64_t now = monotonic_ms();
    bool allowed = still_allowed(s, now);
    if (s->ended) return;
    if (allowed && s->stamp < 0) allowed = look(s) == OK;
    if (s->pending.len) return;
    if (now >= s->heartbeat_ms) {
        heartbeat(s, now);
        return;
    }
    if (allowed && s->stamp < 0) return;
    int64_t until = earliest(earliest(now + LOOK_MS, s->heartbeat_ms), s->recheck_ms);
    if (!allowed) until = now + RETRY_MS;
    if (feed_wait(client_id, allowed ? s->stamp : INT64_MAX, until))
        s->stamp = -1;
    else if (monotonic_ms() < until)
        end_stopping(s);
    if (!allowed) s->stamp = -1;
}

static int64_t take_pending(struct stream *s, char *out, size_t max) {
    size_t n = s->pending.len - s->sent < max ? s->pending.len - s->sent : max;
    memcpy(out, s->pending.data + s->sent, n);
    s->sent += n;
    /* a stream that is silent keeps no buffer */
    if (s->sent == s->pending.len) {
        buf_free(&s->pending);
        s->sent = 0;
    }
    return (int64_t)n;
}

static int64_t stream_some(void *arg, char *out, size_t max) {
    struct stream *s = arg;
    while (!s->pending.len) {
        if (s->ended) return 0;
        if (peer_gone(s)) return -1;
        step(s);
        if (s->pending.failed) {
            LOG(WARN, "events_broken_off", log_s("client_id", s->who.client_id));
            return -1;
        }
    }
    return take_pending(s, out, max);
}

/* ---- opening ---- */

static enum err start_position(struct request *r, const struct events_get_args *args, int64_t *position) {
    int64_t newest = 0;
    unsigned long long given = 0;
    bool resumed = r->last_event_id && *r->last_event_id;
    if (resumed && (strlen(r->last_event_id) > POSITION_DIGITS_MAX || !parse_uint(r->last_event_id, INT64_MAX, &given)))
        return fail(r, ERR_INVALID, "Last-Event-ID must be the id of an event of this stream.");
    TRY(ledger_newest(r->client_id, &newest));
    *position = resumed ? (int64_t)given : args->has_after ? args->after : newest;
    if (*position <= newest) return OK;
    return fail(r, ERR_INVALID, "%s is beyond the newest position, %lld.", resumed ? "Last-Event-ID" : "after",
                (long long)newest);
}

static void copy_filter(struct stream *s, const struct request *r, const struct events_get_args *args,
                        const struct strings *kinds) {
    struct ledger_filter *f = &s->filter;
    f->scope.client_id = arena_strdup(&s->arena, r->scope.client_id);
    f->scope.tenants = arena_strdup(&s->arena, r->scope.tenants);
    f->session_id = s->who.session_id;
    f->ignore_self = args->ignore_self;
    if (args->incident_id) f->incident_id = arena_strdup(&s->arena, args->incident_id);
    f->kinds = strings_new(&s->arena, kinds->n);
    for (; f->kinds.n < kinds->n; f->kinds.n++) f->kinds.v[f->kinds.n] = kinds->v[f->kinds.n];
}

static struct stream *stream_new(const struct request *r, const struct events_get_args *args,
                                 const struct strings *kinds, int64_t position) {
    struct stream *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    arena_init(&s->arena, ARENA_BYTES);
    buf_init(&s->pending, PENDING_BYTES + 2 * ROW_BYTES_MAX);
    principal_copy(&s->arena, &s->who, &r->who);
    copy_filter(s, r, args, kinds);
    s->position = position;
    s->told = s->stamp = -1;
    s->heartbeat_ms = monotonic_ms() + HEARTBEAT_MS;
    s->recheck_ms = monotonic_ms() + RECHECK_MS;
    s->peer_fd = r->peer_fd;
    buf_adds(&s->pending, "retry: 2000\n");
    tell_position(s);
    buf_addc(&s->pending, '\n');
    return s;
}

enum err events_get(struct request *r, const struct events_get_args *args, struct reply *out) {
    int64_t position = 0;
    struct strings kinds;
    TRY(kinds_choose(r, &args->kinds, &kinds));
    TRY(ledger_guard_incident(r, args->incident_id));
    TRY(start_position(r, args, &position));
    struct stream *s = stream_new(r, args, &kinds, position);
    if (!s) return fail(r, ERR_UNAVAILABLE, "Too many streams; try again.");
    enum err e = waiting_enter(r, &s->place, s->filter.scope.client_id, s->who.reader_id, true);
    if (e != OK) {
        stream_free(s);
        return e;
    }
    out->content_type = "text/event-stream; charset=utf-8";
    reply_header(out, "Cache-Control", "no-store");
    reply_header(out, "X-Accel-Buffering", "no");
    reply_header(out, "Connection", "close");
    out->stream = stream_some;
    out->stream_free = stream_free;
    out->stream_source = s;
    return OK;
}
