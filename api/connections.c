#include "api/connections.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/call.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"

enum { IDLE_MS = 75 * 1000, BODY_MS = 30 * 1000, UPLOAD_MS = 300 * 1000 };

static struct connection *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void peer_text(const struct sockaddr *peer, char *out) {
    out[0] = 0;
    if (peer->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)peer)->sin_addr, out, INET6_ADDRSTRLEN);
    if (peer->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)peer)->sin6_addr, out, INET6_ADDRSTRLEN);
}

struct connection *connection_open(int fd, const struct sockaddr *peer, bool metrics_listener) {
    struct connection *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->fd = fd;
    c->metrics_listener = metrics_listener;
    c->phase = PHASE_HEADERS;
    c->since_ms = monotonic_ms();
    peer_text(peer, c->peer);
    upload_init(&c->upload);
    buf_init(&c->raw, CALL_BODY_MOST);
    pthread_mutex_lock(&lock);
    c->next = all;
    if (all) all->previous = c;
    all = c;
    pthread_mutex_unlock(&lock);
    return c;
}

void connection_close(struct connection *c) {
    pthread_mutex_lock(&lock);
    if (c->next) c->next->previous = c->previous;
    if (c->previous)
        c->previous->next = c->next;
    else
        all = c->next;
    pthread_mutex_unlock(&lock);
    upload_free(&c->upload);
    buf_free(&c->raw);
    free(c);
}

void connection_phase(struct connection *c, enum connection_phase phase) {
    if (phase == PHASE_IDLE) {
        upload_free(&c->upload);
        c->has_upload = false;
        c->unreadable = c->keep_raw = false;
        buf_free(&c->raw);
        c->body_bytes = 0;
    }
    pthread_mutex_lock(&lock);
    c->phase = phase;
    c->since_ms = monotonic_ms();
    pthread_mutex_unlock(&lock);
}

static int count(bool running_only) {
    int n = 0;
    pthread_mutex_lock(&lock);
    for (const struct connection *c = all; c; c = c->next)
        n += !running_only || (!c->metrics_listener && (c->phase == PHASE_BODY || c->phase == PHASE_BUSY));
    pthread_mutex_unlock(&lock);
    return n;
}

int connections_count(void) { return count(false); }

int connections_running(void) { return count(true); }

static int64_t allowed_ms(const struct connection *c) {
    switch (c->phase) {
    case PHASE_HEADERS: return config()->header_timeout_s * 1000;
    case PHASE_BODY: return c->has_upload ? UPLOAD_MS : BODY_MS;
    case PHASE_IDLE: return IDLE_MS;
    default: return INT64_MAX;
    }
}

void connections_cut_late(void) {
    int64_t now = monotonic_ms();
    pthread_mutex_lock(&lock);
    for (struct connection *c = all; c; c = c->next) {
        if (c->cut || now - c->since_ms <= allowed_ms(c)) continue;
        c->cut = true;
        shutdown(c->fd, SHUT_RDWR);
        LOG(INFO, "connection_cut", log_s("address", c->peer), log_i("phase", c->phase),
            log_i("ms", now - c->since_ms));
    }
    pthread_mutex_unlock(&lock);
}
