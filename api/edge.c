#define _GNU_SOURCE
#include "api/edge.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ulfius.h>
#include <unistd.h>

#include "api/call.h"
#include "api/connections.h"
#include "api/proxies.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/feed.h"
#include "base/log.h"

enum {
    INACTIVITY_S = 60,
    CONNECTION_BYTES = 48 * 1024,
    MALLOC_MMAP_BYTES = 1024 * 1024,
    MALLOC_TRIM_BYTES = 4 * 1024 * 1024, /* of an arena */
    DRAIN_BYTES_MAX = 64 * 1024 * 1024,  /* of a body that will be refused; more is cut off */
#ifdef __SANITIZE_ADDRESS__
    STACK_BYTES = 4 * 1024 * 1024,
#else
    STACK_BYTES = 512 * 1024,
#endif
};

struct listener {
    struct _u_instance instance;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    bool metrics, running;
};

static struct listener listeners[2] = {{.metrics = false}, {.metrics = true}};
static pthread_t watchdog;
static volatile int draining;
static volatile bool watching;

/* A connection has its own thread: what the thread serves now. */
static _Thread_local struct connection *current;
static _Thread_local struct MHD_Connection *serving;

/* Replies that are ulfius' by now: of all connections, and of the thread's own. */
static atomic_size_t handed_total;
static _Thread_local size_t handed;

size_t edge_replies_bytes(void) { return atomic_load(&handed_total); }

int edge_connections(void) { return connections_count(); }

int edge_draining(void) { return draining; }

/* ---- from ulfius' structures to plain data ---- */

static int add_pair(struct call_pair *pairs, size_t *n, const char *name, const char *value) {
    if (*n == CALL_PAIRS_MAX) return 0;
    pairs[(*n)++] = (struct call_pair){.name = name, .value = value ? value : ""};
    return 1;
}

static void copy_map(const struct _u_map *map, struct call_pair *pairs, size_t *n, bool *too_many) {
    const char **keys = u_map_enum_keys(map), **values = u_map_enum_values(map);
    for (int i = 0; keys && keys[i]; i++)
        if (!add_pair(pairs, n, keys[i], values[i])) *too_many = true;
}

/* As they came: ulfius joins lines of one name, and what stands twice must be seen to be refused. */
static enum MHD_Result add_header(void *to, enum MHD_ValueKind kind, const char *name, const char *value) {
    (void)kind;
    struct call *c = to;
    if (!add_pair(c->headers, &c->headers_n, name, value)) c->too_many_headers = true;
    return MHD_YES;
}

/* A trusted proxy adds its line behind those that the client made up, whatever the case of the name. */
static const char *forwarded_for(const struct call *c) {
    const char *last = NULL;
    for (size_t i = 0; i < c->headers_n; i++)
        if (!strcasecmp(c->headers[i].name, "X-Forwarded-For")) last = c->headers[i].value;
    return last;
}

static void take_upload(struct call *c) {
    if (!current->has_upload) return;
    upload_finish(&current->upload);
    if (current->body_bytes > UPLOAD_BYTES_MAX + UPLOAD_META_MAX + 65536) current->upload.too_large = true;
    c->upload = &current->upload;
}

static void call_from(struct call *c, const struct _u_request *in) {
    bool ignored = false;
    *c = (struct call){
        .method = in->http_verb,
        .path = in->url_path,
        .body = in->binary_body ? in->binary_body : "",
        .body_bytes = in->binary_body_length,
        .body_cut = current->body_bytes > current->body_bytes_max,
        .metrics_listener = current->metrics_listener,
        .peer_fd = current->fd,
    };
    if (current->keep_raw) {
        c->body = buf_text(&current->raw);
        c->body_bytes = current->raw.len;
    }
    MHD_get_connection_values(serving, MHD_HEADER_KIND, add_header, c);
    copy_map(in->map_url, c->query, &c->query_n, &ignored);
    c->peer = caller_address(current->peer, forwarded_for(c), config()->trusted_proxies, current->forwarded,
                             sizeof current->forwarded);
}

/* ---- and back ---- */

static ssize_t stream_some(void *arg, uint64_t offset, char *out, size_t max) {
    (void)offset;
    const struct reply *p = arg;
    int64_t n = p->stream(p->stream_source, out, max);
    if (n > 0) return (ssize_t)n;
    return n == 0 ? U_STREAM_END : U_STREAM_ERROR;
}

static void stream_free(void *arg) {
    struct reply *p = arg;
    if (p->stream_free) p->stream_free(p->stream_source);
    free(p);
}

static void answer_stream(struct call *c, struct _u_response *out) {
    struct reply *p = malloc(sizeof *p);
    if (!p) return;
    *p = c->reply;
    bool unknown = p->stream_bytes < 0;
    uint64_t size = unknown ? U_STREAM_SIZE_UNKNOWN : (uint64_t)p->stream_bytes;
    /* chunks are made in the connection's own buffer: this one is for who speaks HTTP/1.0 */
    size_t block = unknown ? 1024 : 64 * 1024;
    ulfius_set_stream_response(out, (unsigned)c->status, stream_some, stream_free, size, block, p);
}

/* As ulfius_set_binary_body_response() without its copy: ulfius frees the body. */
static void answer_bytes(struct call *c, struct _u_response *out) {
    out->status = c->status;
    out->binary_body = buf_take(&c->reply.body, &out->binary_body_length);
    handed = out->binary_body_length;
    atomic_fetch_add(&handed_total, handed);
}

static void answer(struct call *c, struct _u_response *out) {
    const char *type = c->reply.content_type ? c->reply.content_type : "application/json; charset=utf-8";
    u_map_put(out->map_header, "Content-Type", type);
    for (size_t i = 0; i < c->reply.headers_n; i++) {
        u_map_put(out->map_header, c->reply.headers[i].name, c->reply.headers[i].value);
        free((char *)c->reply.headers[i].value);
    }
    if (c->reply.stream)
        answer_stream(c, out);
    else
        answer_bytes(c, out);
    buf_free(&c->reply.body);
}

static int on_request(const struct _u_request *in, struct _u_response *out, void *arg) {
    (void)arg;
    struct call c;
    connection_phase(current, PHASE_BUSY);
    call_from(&c, in);
    take_upload(&c);
    gates_run(&c);
    answer(&c, out);
    return U_CALLBACK_COMPLETE;
}

/* ---- uploads: ulfius would keep them in memory, lose parts without a file name, and cut in silence ---- */

static struct call bare_call(struct MHD_Connection *connection, const char *path, const char *method) {
    struct call c = {.method = method,
                     .path = path,
                     .body = "",
                     .metrics_listener = current->metrics_listener,
                     .peer_fd = current->fd};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &c);
    c.peer = caller_address(current->peer, forwarded_for(&c), config()->trusted_proxies, current->forwarded,
                            sizeof current->forwarded);
    return c;
}

static void begin_multipart(struct MHD_Connection *connection, const char *path, const char *method) {
    const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
    if (!type || strncasecmp(type, "multipart/form-data", 19) != 0) return;
    struct multipart probe;
    current->unreadable = !multipart_start(&probe, type);
    if (current->unreadable) return;
    struct call c = bare_call(connection, path, method);
    enum admission admission = gates_admit_upload(&c);
    current->has_upload = admission != ADMISSION_NO_UPLOAD;
    current->keep_raw = !current->has_upload;
    if (current->has_upload) upload_start(&current->upload, type, admission == ADMISSION_GRANTED);
}

/* The library would take such a body for all that comes until the connection ends. */
static bool has_no_end(struct MHD_Connection *connection) {
    const char *encoding = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
    return encoding && strcasecmp(encoding, "chunked") != 0;
}

/* ulfius would close the connection without a word. */
static enum MHD_Result answer_unreadable(struct MHD_Connection *connection, const char *path, const char *method) {
    struct call c = bare_call(connection, path, method);
    c.body_unreadable = true;
    gates_run(&c);
    size_t len = 0;
    char *body = buf_take(&c.reply.body, &len);
    struct MHD_Response *response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", c.reply.content_type);
    for (size_t i = 0; i < c.reply.headers_n; i++) {
        MHD_add_response_header(response, c.reply.headers[i].name, c.reply.headers[i].value);
        free((char *)c.reply.headers[i].value);
    }
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)c.status, response);
    MHD_destroy_response(response);
    return queued;
}

/* True: taken, or of no more use. False: ulfius' part. */
static bool take_bytes(const char *data, size_t len) {
    current->body_bytes += len;
    if (current->has_upload) upload_feed(&current->upload, data, len);
    if (current->has_upload || current->unreadable || current->body_bytes > current->body_bytes_max) return true;
    if (current->keep_raw) buf_add(&current->raw, data, len);
    return current->keep_raw;
}

/* ---- under ulfius: every byte of a body passes here first ---- */

struct wrapped {
    MHD_AccessHandlerCallback handler;
    void *cls;
};
static struct wrapped wrapped[2];

static enum MHD_Result on_bytes(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *data, size_t *len, void **state) {
    const struct wrapped *w = cls;
    if (*len) {
        bool taken = take_bytes(data, *len);
        if (current->body_bytes > DRAIN_BYTES_MAX) return MHD_NO;
        if (taken) {
            *len = 0;
            return MHD_YES;
        }
    } else if (current->phase == PHASE_HEADERS) {
        if (has_no_end(connection)) return answer_unreadable(connection, url, method);
        begin_multipart(connection, url, method);
        current->body_bytes_max = gates_body_bytes_max(url);
        connection_phase(current, PHASE_BODY);
        if (current->unreadable) return MHD_YES;
    } else if (current->unreadable) {
        return answer_unreadable(connection, url, method);
    }
    return w->handler(w->cls, connection, url, method, version, data, len, state);
}

/* ulfius calls this instead of the library's: the program's own symbol comes first. */
struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback policy,
                                    void *policy_cls, MHD_AccessHandlerCallback handler, void *handler_cls, ...) {
    struct wrapped *w = &wrapped[handler_cls == &listeners[1].instance];
    *w = (struct wrapped){.handler = handler, .cls = handler_cls};
    va_list options;
    va_start(options, handler_cls);
    struct MHD_Daemon *daemon = MHD_start_daemon_va(flags, port, policy, policy_cls, on_bytes, w, options);
    va_end(options);
    return daemon;
}

/* ---- connections ---- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code) {
    const struct listener *l = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context) connection_close(*context);
        return;
    }
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    *context = connection_open(fd->connect_fd, peer->client_addr, l->metrics);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection) {
    current = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    serving = connection;
    if (!current) return NULL;
    connection_phase(current, PHASE_HEADERS);
    return ulfius_uri_logger(cls, uri);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code) {
    mhd_request_completed(cls, connection, state, code);
    atomic_fetch_sub(&handed_total, handed);
    handed = 0;
    if (current) connection_phase(current, PHASE_IDLE);
}

static void *watch(void *arg) {
    (void)arg;
    while (watching) {
        connections_cut_late();
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    }
    return NULL;
}

static void on_log(void *cls, const char *format, va_list args) {
    (void)cls;
    if (!log_is_on(LOG_LEVEL_DEBUG)) return;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    LOG(DEBUG, "libmicrohttpd", log_s("message", text));
}

/* ---- start and stop ---- */

static bool resolve(struct listener *l, const struct address *a) {
    l->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
    l->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
    const char *host = !strcmp(a->host, "localhost") ? "127.0.0.1" : a->host;
    if (inet_pton(AF_INET, host, &l->v4.sin_addr) == 1)
        return ulfius_init_instance(&l->instance, a->port, &l->v4, NULL) == U_OK;
    if (inet_pton(AF_INET6, host, &l->v6.sin6_addr) == 1)
        return ulfius_init_instance_ipv6(&l->instance, a->port, &l->v6, U_USE_IPV6, NULL) == U_OK;
    return false;
}

static enum err listen_on(struct listener *l, const char *text) {
    struct address a;
    if (!address_parse(text, &a) || !resolve(l, &a)) {
        LOG(ERROR, "address_unusable", log_s("address", text));
        return ERR_INVALID;
    }
    l->instance.check_utf8 = 0;
    l->instance.max_post_body_size = CALL_BODY_MOST + 1;
    l->instance.max_post_param_size = CALL_BODY_MAX;
    ulfius_set_default_endpoint(&l->instance, on_request, NULL);
    struct MHD_OptionItem options[] = {
        {.option = MHD_OPTION_NOTIFY_COMPLETED, .value = (intptr_t)on_completed, .ptr_value = NULL},
        {.option = MHD_OPTION_URI_LOG_CALLBACK, .value = (intptr_t)on_uri, .ptr_value = NULL},
        {.option = MHD_OPTION_NOTIFY_CONNECTION, .value = (intptr_t)on_connection, .ptr_value = l},
        {.option = MHD_OPTION_EXTERNAL_LOGGER, .value = (intptr_t)on_log, .ptr_value = NULL},
        {.option = MHD_OPTION_SOCK_ADDR,
         .value = 0,
         .ptr_value = l->instance.bind_address6 ? (void *)l->instance.bind_address6 : (void *)l->instance.bind_address},
        {.option = MHD_OPTION_CONNECTION_LIMIT,
         .value = l->metrics ? 16 : config()->connection_limit,
         .ptr_value = NULL},
        {.option = MHD_OPTION_CONNECTION_TIMEOUT, .value = INACTIVITY_S, .ptr_value = NULL},
        {.option = MHD_OPTION_CONNECTION_MEMORY_LIMIT, .value = CONNECTION_BYTES, .ptr_value = NULL},
        {.option = MHD_OPTION_THREAD_STACK_SIZE, .value = STACK_BYTES, .ptr_value = NULL},
        {.option = MHD_OPTION_END, .value = 0, .ptr_value = NULL},
    };
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG | (l->instance.bind_address6 ? MHD_USE_IPv6 : 0);
    if (ulfius_start_framework_with_mhd_options(&l->instance, flags, options) != U_OK) {
        LOG(ERROR, "listen_failed", log_s("address", text));
        ulfius_clean_instance(&l->instance);
        return ERR_UNAVAILABLE;
    }
    l->running = true;
    LOG(INFO, "listening", log_s("address", text), log_b("metrics", l->metrics));
    return OK;
}

enum err edge_start(void) {
    draining = 0;
    feed_start();
    /* a page's buffers stay with the thread: given back after each request, they cost more than all the rest of it */
    mallopt(M_MMAP_THRESHOLD, MALLOC_MMAP_BYTES);
    mallopt(M_TRIM_THRESHOLD, MALLOC_TRIM_BYTES);
    TRY(listen_on(&listeners[0], config()->listen));
    enum err e = listen_on(&listeners[1], config()->metrics_listen);
    watching = true;
    if (e == OK && pthread_create(&watchdog, NULL, watch, NULL) != 0) e = ERR_INTERNAL;
    if (e == OK) return OK;
    watching = false;
    edge_stop();
    return e;
}

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); }

void edge_quiesce(void) {
    draining = 1;
    if (!listeners[0].running) return;
    for (int64_t until = monotonic_ms() + config()->drain_s * 1000; monotonic_ms() < until;) nap();
    feed_stop(); /* who waits for news gets his answer now */
    MHD_socket listening = MHD_quiesce_daemon(listeners[0].instance.mhd_daemon);
    if (listening != MHD_INVALID_SOCKET) close(listening);
    int64_t until = monotonic_ms() + config()->shutdown_timeout_s * 1000;
    while (connections_running() && monotonic_ms() < until) nap();
}

void edge_stop(void) {
    if (watching) {
        watching = false;
        pthread_join(watchdog, NULL);
    }
    for (size_t i = 0; i < 2; i++) {
        if (!listeners[i].running) continue;
        ulfius_stop_framework(&listeners[i].instance);
        ulfius_clean_instance(&listeners[i].instance);
        listeners[i].running = false;
    }
}
