/* Every gate that a request passes, in order, in one place. Cheap and hostile-input first, the database last. */
#include <ctype.h>
#include <string.h>

#include "api/call.h"
#include "api/edge.h"
#include "api/json_bounds.h"
#include "api/metrics.h"
#include "api/problem.h"
#include "api/rate.h"
#include "api/upload.h"
#include "api/validate.h"
#include "auth/idempotency.h"
#include "auth/session_ticket.h"
#include "auth/sessions.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"
#include "base/random.h"
#include "base/sha256.h"
#include "build/gen/operations.h"

enum { REQUEST_ARENA_BYTES = 16 * 1024 * 1024, REPLY_BYTES_MAX = 256 * 1024 * 1024 };

/* A call on its way through the gates. */
struct passage {
    struct call *call;
    struct request r;
    struct arena arena;
    const struct operation *op;
    bool head;
    void *args;
};

const char *call_header(const struct call *c, const char *name) {
    for (size_t i = 0; i < c->headers_n; i++)
        if (!strcasecmp(c->headers[i].name, name)) return c->headers[i].value;
    return NULL;
}

static const char *query_value(const struct call *c, const char *name) {
    for (size_t i = 0; i < c->query_n; i++)
        if (!strcmp(c->query[i].name, name)) return c->query[i].value;
    return NULL;
}

/* ---- 1: names the request ---- */

static const char *request_id(struct arena *a, const char *given) {
    size_t len = given ? strspn(given, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:") : 0;
    if (len && len <= 100 && !given[len]) return arena_strdup(a, given);
    char *id = arena_alloc(a, UUID_BYTES);
    random_uuid(id);
    return id;
}

/* ---- 2: well-formed HTTP ---- */

static enum err gate_headers(struct passage *p) {
    static const char *const once[] = {"Authorization", "Content-Length", "Transfer-Encoding",
                                       "Host",          "Content-Type",   "Idempotency-Key",
                                       "Request-ID",    "If-Match",       "Last-Event-ID"};
    size_t bytes = 0;
    for (size_t i = 0; i < p->call->headers_n; i++)
        bytes += strlen(p->call->headers[i].name) + strlen(p->call->headers[i].value) + 4;
    if (bytes > HEADERS_BYTES_MAX || p->call->too_many_headers)
        return fail(&p->r, ERR_HEADERS_TOO_LARGE, "Headers may have %d bytes in all.", HEADERS_BYTES_MAX);
    /* "Content-Length : 5" is another header to some, and a length to others */
    for (size_t i = 0; i < p->call->headers_n; i++)
        if (strpbrk(p->call->headers[i].name, " \t"))
            return fail(&p->r, ERR_MALFORMED, "A header's name has no blanks.");
    for (size_t k = 0; k < sizeof once / sizeof *once; k++) {
        int seen = 0;
        for (size_t i = 0; i < p->call->headers_n; i++) seen += !strcasecmp(p->call->headers[i].name, once[k]);
        if (seen > 1) return fail(&p->r, ERR_MALFORMED, "The header %s stands more than once.", once[k]);
    }
    const char *encoding = call_header(p->call, "Transfer-Encoding");
    if (encoding && call_header(p->call, "Content-Length"))
        return fail(&p->r, ERR_MALFORMED, "Content-Length and Transfer-Encoding exclude each other.");
    if (encoding && strcasecmp(encoding, "chunked") != 0)
        return fail(&p->r, ERR_MALFORMED, "The only Transfer-Encoding here is chunked.");
    return OK;
}

/* ---- 3: path and method ---- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One decoded path segment; NULL where its escapes are broken or hide a NUL or a slash. */
static const char *decode_segment(struct arena *a, const char *raw, size_t len) {
    char *out = arena_alloc(a, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (raw[i] != '%') {
            out[n++] = raw[i];
            continue;
        }
        int high = i + 2 < len ? hex_digit(raw[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(raw[i + 2]) : -1;
        int c = low >= 0 ? high * 16 + low : -1;
        if (c <= 0 || c == '/') return NULL;
        out[n++] = (char)c;
        i += 2;
    }
    return out;
}

/* Compares a template ("/api/v1/{client_id}/incidents/{incident_id}/summary.pdf") with a path, taking its parameters. */
static bool match_path(struct request *r, const char *template, const char *path, const char **client,
                       const char **id) {
    while (*template && *path) {
        if (*template != '{') {
            if (*template ++ != *path++) return false;
            continue;
        }
        const char **into = !strncmp(template, "{client_id}", 11) ? client : id;
        size_t len = strcspn(path, "/");
        const char *value = len && len <= 256 ? decode_segment(r->arena, path, len) : NULL;
        if (!value) return false;
        *into = value;
        template = strchr(template, '}') + 1;
        path += len;
    }
    return !*template && !*path;
}

static bool method_fits(struct passage *p, const struct operation *op) {
    if (!strcmp(op->method, p->call->method)) return true;
    p->head = !strcmp(p->call->method, "HEAD") && !strcmp(op->method, "GET");
    return p->head;
}

static enum err wrong_method(struct passage *p, bool get, bool post) {
    const char *allow = get && post ? "GET, HEAD, POST, OPTIONS" : get ? "GET, HEAD, OPTIONS" : "POST, OPTIONS";
    reply_header(&p->call->reply, "Allow", allow);
    return fail(&p->r, ERR_METHOD, "This path takes %s.", allow);
}

static enum err gate_route(struct passage *p) {
    bool get = false, post = false;
    for (size_t i = 0; i < operations_n; i++) {
        const struct operation *op = &operations[i];
        const char *client = "", *id = "";
        if (op->metrics_listener != p->call->metrics_listener) continue;
        if (!match_path(&p->r, op->path, p->call->path, &client, &id)) continue;
        get = get || *op->method == 'G';
        post = post || *op->method == 'P';
        if (!method_fits(p, op)) continue;
        p->op = op;
        p->r.operation = op->id;
        p->r.client_id = client;
        p->r.path_id = id;
        return OK;
    }
    if (get || post) return wrong_method(p, get, post);
    return fail(&p->r, ERR_NOT_FOUND, "No such path; /docs lists all of them.");
}

/* Before there is a request: compares what stands behind the client's id. */
size_t gates_body_bytes_max(const char *path) {
    const char *tail = strncmp(path, "/api/v1/", 8) ? NULL : strchr(path + 8, '/');
    for (size_t i = 0; tail && i < operations_n; i++)
        if (operations[i].api && !strcmp(strchr(operations[i].path, '}') + 1, tail))
            return operations[i].body_bytes_max;
    return CALL_BODY_MAX;
}

/* ---- 4: size and kind of the body ---- */

static bool is_multipart(const struct call *c) {
    const char *type = call_header(c, "Content-Type");
    return type && !strncasecmp(type, "multipart/form-data", 19);
}

static enum err gate_body_size(struct passage *p) {
    if (p->call->body_unreadable)
        return fail(&p->r, ERR_MALFORMED, "Content-Type multipart/form-data needs a boundary of 1 to 70 characters.");
    if (p->op->body == BODY_MULTIPART) {
        if (!is_multipart(p->call)) return fail(&p->r, ERR_MEDIA_TYPE, "Send the file as multipart/form-data.");
        if (p->call->upload && p->call->upload->too_large)
            return fail(&p->r, ERR_TOO_LARGE, "A file may have %d bytes.", UPLOAD_BYTES_MAX);
        return OK;
    }
    if (p->call->body_cut) return fail(&p->r, ERR_TOO_LARGE, "A body may have %zu bytes.", p->op->body_bytes_max);
    return OK;
}

/* ---- 5: who asks; which client, which tenants ---- */

static enum err take_bearer(struct passage *p, bool *ticket) {
    const char *authorization = call_header(p->call, "Authorization");
    const char *ticket_value = p->op->ticket ? query_value(p->call, "ticket") : NULL;
    *ticket = !authorization && ticket_value;
    if (*ticket) return OK;
    if (!authorization) return fail(&p->r, ERR_UNAUTHENTICATED, "Send Authorization: Bearer <access token>.");
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return fail(&p->r, ERR_TOKEN, "Authorization must be: Bearer <access token>.");
    p->r.bearer = authorization + 7 + strspn(authorization + 7, " ");
    return OK;
}

static enum err gate_who(struct passage *p) {
    if (p->op->access == ACCESS_PUBLIC) {
        p->r.scope = (struct db_scope){.client_id = p->r.client_id, .tenants = "*"};
        return OK;
    }
    bool by_ticket = false;
    TRY(take_bearer(p, &by_ticket));
    return by_ticket ? ticket_redeem(&p->r, query_value(p->call, "ticket"), p->call->path)
                     : session_authenticate(&p->r);
}

/* ---- 6: not too often ---- */

static enum err within_rate(struct passage *p, enum rate rate, const char *who, int64_t per_s) {
    int wait_s = rate_take(rate, who, per_s);
    if (!wait_s) return OK;
    p->r.fault = (struct fault){.retry_after_s = wait_s};
    return fail(&p->r, ERR_RATE, "Too many requests; wait as long as Retry-After says.");
}

/* Who shows no token is counted before anything is done for them, a bad token when it has turned out so: what comes from the same
 * address with a good one always passes. */
static enum err gate_known(struct passage *p) {
    if (!p->op->api) return gate_who(p);
    bool stranger = p->op->access == ACCESS_PUBLIC || !call_header(p->call, "Authorization");
    if (stranger) TRY(within_rate(p, RATE_ADDRESS, p->r.address, config()->rate_per_address));
    enum err e = gate_who(p);
    if (e != OK && e != ERR_UNAVAILABLE && !stranger)
        TRY(within_rate(p, RATE_ADDRESS, p->r.address, config()->rate_per_address));
    return e;
}

static enum err gate_rate(struct passage *p) {
    if (p->op->access == ACCESS_PUBLIC) return OK;
    return within_rate(p, p->op->reserve ? RATE_RESERVE : RATE_SESSION, p->r.who.reader_id, config()->rate_per_session);
}

/* ---- 7: may they ---- */

static enum err gate_right(struct passage *p) {
    if (p->op->access != ACCESS_ROLES || p->op->roles & p->r.who.role) return OK;
    return fail(&p->r, ERR_FORBIDDEN, "The role %s does not give the right to do this.", role_code(p->r.who.role));
}

/* ---- 8: what is asked ---- */

static enum err parse_body(struct passage *p) {
    static const char blank[] = " \t\r\n";
    size_t lead = 0;
    while (lead < p->call->body_bytes && strchr(blank, p->call->body[lead]) && p->call->body[lead]) lead++;
    if (lead == p->call->body_bytes) return OK;
    TRY(json_bounds_check(&p->r, p->call->body, p->call->body_bytes,
                          p->op->body_bytes_max / CALL_BODY_MAX * JSON_NODES_MAX));
    json_error_t error;
    p->r.body = json_loadb(p->call->body, p->call->body_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!p->r.body) return json_fail(&p->r, &error);
    if (!json_is_object(p->r.body)) return fail(&p->r, ERR_MALFORMED, "The body must be one JSON object.");
    return OK;
}

static enum err validate_query_of(struct passage *p) {
    struct query_pair pairs[CALL_PAIRS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < p->call->query_n; i++) {
        if (p->op->ticket && !strcmp(p->call->query[i].name, "ticket")) continue;
        pairs[n++] = (struct query_pair){.name = p->call->query[i].name, .value = p->call->query[i].value};
    }
    return validate_query(&p->r, p->op->args, pairs, n, p->args);
}

static enum err gate_arguments(struct passage *p) {
    p->args = arena_alloc(&p->arena, p->op->args_size ? p->op->args_size : 1);
    if (p->op->body == BODY_NONE) return p->op->args ? validate_query_of(p) : OK;
    if (p->op->body == BODY_MULTIPART) {
        p->r.upload = p->call->upload;
        return OK;
    }
    TRY(parse_body(p));
    json_t *empty = p->r.body ? NULL : json_object();
    enum err e = validate(&p->r, p->op->args, p->r.body ? p->r.body : empty, p->args);
    json_decref(empty);
    return e;
}

/* ---- 9: room for the answer: readers that take theirs slowly must not fill the memory; writes keep their way ---- */

static enum err gate_memory(struct passage *p) {
    size_t most = (size_t)config()->reply_memory_mb * 1024 * 1024;
    if (p->op->write || !p->op->api || buf_held() + edge_replies_bytes() <= most) return OK;
    return fail(&p->r, ERR_UNAVAILABLE, "Too many answers are on their way; try again.");
}

/* ---- 10: the same write twice ---- */

static void add_hash(struct sha256_ctx *h, const void *data, size_t len) {
    sha256_update(h, sizeof len, (const uint8_t *)&len);
    sha256_update(h, len, data);
}

static const char *body_hash(struct passage *p) {
    struct sha256_ctx h;
    sha256_init(&h);
    /* a stored answer is not for who sees other tenants by now */
    add_hash(&h, p->r.scope.tenants, strlen(p->r.scope.tenants));
    const struct upload *u = p->call->upload;
    if (u) {
        add_hash(&h, u->sha256_hex, strlen(u->sha256_hex));
        add_hash(&h, u->file_name, strlen(u->file_name));
        add_hash(&h, buf_text(&u->meta), u->meta.len);
    } else {
        add_hash(&h, p->call->body, p->call->body_bytes);
    }
    char *hex = arena_alloc(&p->arena, SHA256_HEX_BYTES);
    sha256_hex_end(&h, hex);
    return hex;
}

static enum err gate_idempotency(struct passage *p, bool *replayed) {
    const char *key = p->op->idempotent ? call_header(p->call, "Idempotency-Key") : NULL;
    if (!key) return OK;
    size_t len = strlen(key);
    if (!len || len > IDEMPOTENCY_KEY_MAX || strspn(key, " ") == len)
        return fail(&p->r, ERR_MALFORMED, "An Idempotency-Key has 1 to %d characters.", IDEMPOTENCY_KEY_MAX);
    for (const char *c = key; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7e)
            return fail(&p->r, ERR_MALFORMED, "An Idempotency-Key consists of printable ASCII.");
    p->r.idempotency = (struct idempotency){.key = key, .body_hash = body_hash(p)};
    return idempotency_begin(&p->r, &p->call->reply, replayed);
}

/* ---- all gates, then the handler ---- */

static enum err pass(struct passage *p) {
    enum err framed = gate_headers(p);
    /* where the framing is in doubt, what follows on the connection may be a hidden request */
    p->call->close = framed != OK;
    TRY(framed);
    TRY(gate_route(p));
    TRY(gate_body_size(p));
    TRY(gate_known(p));
    TRY(gate_rate(p));
    TRY(gate_right(p));
    TRY(gate_arguments(p));
    TRY(gate_memory(p));
    bool replayed = false;
    TRY(gate_idempotency(p, &replayed));
    if (replayed) {
        reply_header(&p->call->reply, "Idempotent-Replayed", "true");
        return OK;
    }
    enum err e = p->op->handler(&p->r, p->args, &p->call->reply);
    if (e == OK && p->call->reply.body.failed) e = ERR_TOO_LARGE;
    return e;
}

static bool cors_origin(const struct call *c, const char **origin) {
    *origin = call_header(c, "Origin");
    if (!*origin || !**origin) return false;
    size_t len = strlen(*origin);
    for (const char *at = config()->cors_origins; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',')) {
        at += strspn(at, " ");
        size_t part = strcspn(at, ", ");
        if (part == len && !memcmp(at, *origin, len)) return true;
    }
    return false;
}

static void add_common_headers(struct passage *p) {
    struct reply *reply = &p->call->reply;
    const char *origin = NULL;
    reply_header(reply, "Request-ID", p->r.request_id);
    reply_header(reply, "X-Content-Type-Options", "nosniff");
    if (p->call->close || edge_draining()) reply_header(reply, "Connection", "close");
    if (!cors_origin(p->call, &origin)) return;
    reply_header(reply, "Access-Control-Allow-Origin", arena_strdup(&p->arena, origin));
    reply_header(reply, "Access-Control-Expose-Headers",
                 "Request-ID, Retry-After, Idempotent-Replayed, Content-Disposition, Changes-Next, Changes-More");
    reply_header(reply, "Vary", "Origin");
}

/* A browser asks before it sends; what may be sent does not depend on the path. */
static bool preflight(struct passage *p) {
    if (strcmp(p->call->method, "OPTIONS") != 0) return false;
    const char *origin = NULL;
    p->call->status = 204;
    reply_header(&p->call->reply, "Allow", "GET, HEAD, POST, OPTIONS");
    if (!cors_origin(p->call, &origin)) return true;
    reply_header(&p->call->reply, "Access-Control-Allow-Methods", "GET, POST");
    reply_header(&p->call->reply, "Access-Control-Allow-Headers",
                 "Authorization, Content-Type, Idempotency-Key, If-Match, Request-ID, Last-Event-ID");
    reply_header(&p->call->reply, "Access-Control-Max-Age", "600");
    return true;
}

static void log_call(const struct passage *p, int64_t started_ms) {
    bool quiet = p->call->status < 400 && !(p->op && p->op->write);
    if (quiet && !log_is_on(LOG_LEVEL_DEBUG)) return;
    LOG(INFO, "request", log_s("request_id", p->r.request_id), log_s("method", p->call->method),
        log_s("operation", p->op ? p->op->id : ""), log_s("client_id", p->op ? p->r.client_id : ""),
        log_s("connection", p->r.who.session_id ? p->r.who.session_id : ""), log_s("address", p->r.address),
        log_i("status", p->call->status), log_i("ms", monotonic_ms() - started_ms));
}

static void passage_start(struct passage *p, struct call *c) {
    *p = (struct passage){.call = c};
    arena_init(&p->arena, REQUEST_ARENA_BYTES);
    p->r = (struct request){.arena = &p->arena, .operation = "", .client_id = "", .path_id = "", .bearer = ""};
    p->r.request_id = request_id(&p->arena, call_header(c, "Request-ID"));
    p->r.accept = call_header(c, "Accept");
    p->r.if_match = call_header(c, "If-Match");
    p->r.last_event_id = call_header(c, "Last-Event-ID");
    p->r.peer_fd = c->peer_fd;
    p->r.address = c->peer;
    p->r.scope.client_id = "";
}

/* Everything that the reply borrows must outlive the request's arena: texts of headers are copied by the edge before. */
void gates_run(struct call *c) {
    struct passage p;
    int64_t started_ms = monotonic_ms();
    passage_start(&p, c);
    buf_init(&c->reply.body, REPLY_BYTES_MAX);
    c->reply.stream_bytes = -1;
    c->status = 200;
    if (!preflight(&p)) {
        enum err e = pass(&p);
        if (e != OK) problem_reply(c, &p.r, e);
        if (e == ERR_UNAUTHENTICATED) reply_header(&c->reply, "WWW-Authenticate", "Bearer");
    }
    add_common_headers(&p);
    for (size_t i = 0; i < c->reply.headers_n; i++) c->reply.headers[i].value = strdup(c->reply.headers[i].value);
    metrics_count(p.op, c->status, monotonic_ms() - started_ms);
    log_call(&p, started_ms);
    json_decref(p.r.body);
    arena_free(&p.arena);
}

enum admission gates_admit_upload(struct call *c) {
    struct passage p;
    passage_start(&p, c);
    enum admission admission = ADMISSION_NO_UPLOAD;
    if (gate_route(&p) == OK && p.op->body == BODY_MULTIPART) {
        bool granted = gate_headers(&p) == OK && gate_who(&p) == OK && gate_right(&p) == OK;
        admission = granted ? ADMISSION_GRANTED : ADMISSION_REFUSED;
    }
    arena_free(&p.arena);
    c->reply.headers_n = 0;
    return admission;
}
