#include "base/http_out.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/curl_start.h"
#include "base/egress.h"

enum { IDLE_CONNECTIONS = 32, TEXT_CHARACTERS = 200, PORT_MIN = 1024 };

struct transfer {
    CURL *curl;
    struct curl_slist *headers;
    void *user;
    int64_t began_ms;
    size_t read_bytes, head_bytes;
    bool plain;   /* http */
    bool refused; /* an address was */
    bool enough;  /* HTTP_OUT_READ_BYTES were read */
    size_t text_len;
    char text[4 * TEXT_CHARACTERS];
};

/* ---- the URL ---- */

#define scope_url __attribute__((cleanup(free_url)))
static void free_url(CURLU **url) { curl_url_cleanup(*url); }
#define scope_part __attribute__((cleanup(free_part)))
static void free_part(char **part) { curl_free(*part); }

static bool has_part(CURLU *url, CURLUPart what) {
    scope_part char *part = NULL;
    return curl_url_get(url, what, &part, 0) == CURLUE_OK;
}

static bool printable(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f || *text == '\\') return false;
    return true;
}

static bool port_ok(CURLU *url, bool plain) {
    scope_part char *part = NULL;
    if (curl_url_get(url, CURLUPART_PORT, &part, 0) != CURLUE_OK) return true;
    long port = strtol(part, NULL, 10);
    return port == (plain ? 80 : 443) || (port >= PORT_MIN && port <= 65535);
}

/* "[::1]" -> "::1". */
static const char *bare_host(char *host) {
    size_t len = strlen(host);
    if (len < 2 || host[0] != '[' || host[len - 1] != ']') return host;
    host[len - 1] = 0;
    return host + 1;
}

static bool is_address(const char *host) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool may_connect(enum egress egress, bool plain) {
    return egress == EGRESS_ALLOWED || (egress == EGRESS_PUBLIC && !plain);
}

static const char *host_fault(CURLU *url, bool plain) {
    scope_part char *part = NULL;
    if (curl_url_get(url, CURLUPART_HOST, &part, 0) != CURLUE_OK || !*part || strlen(part) > 255)
        return "This URL has no host.";
    const char *host = bare_host(part), *allow = config()->egress_allow;
    if (plain && !*allow) return "A receiver is called by https.";
    if (is_address(host) && !may_connect(egress_of_text(host, allow), plain))
        return "The gateway does not call this address.";
    return NULL;
}

static const char *parse_fault(CURLU *url, const char *text, bool *plain) {
    scope_part char *scheme = NULL;
    const char *slashes = strstr(text, "://");
    if (strlen(text) > HTTP_OUT_URL_BYTES || !printable(text) || !slashes || slashes[3] == '/' ||
        curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return "This is no URL, or it holds a user name.";
    *plain = !strcmp(scheme, "http");
    if (!*plain && strcmp(scheme, "https") != 0) return "A receiver is called by https.";
    if (has_part(url, CURLUPART_FRAGMENT)) return "A receiver's URL has no fragment.";
    if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD) || has_part(url, CURLUPART_ZONEID))
        return "A receiver's URL has no user and no zone.";
    if (!port_ok(url, *plain)) return "The port is 443, or 1024 and above.";
    return host_fault(url, *plain);
}

const char *http_out_url_fault(const char *text) {
    bool plain = false;
    scope_url CURLU *url = curl_url();
    return url ? parse_fault(url, text, &plain) : "";
}

/* ---- what curl asks ---- */

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    struct transfer *t = user;
    if (purpose != CURLSOCKTYPE_IPCXN || !may_connect(egress_of(&address->addr, config()->egress_allow), t->plain)) {
        t->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t take_head(char *data, size_t size, size_t n, void *user) {
    struct transfer *t = user;
    (void)data;
    t->head_bytes += size * n;
    return t->head_bytes > HTTP_OUT_READ_BYTES ? 0 : size * n;
}

static size_t take_body(char *data, size_t size, size_t n, void *user) {
    struct transfer *t = user;
    size_t len = size * n, room = sizeof t->text - t->text_len;
    memcpy(t->text + t->text_len, data, len < room ? len : room);
    t->text_len += len < room ? len : room;
    t->read_bytes += len;
    t->enough = t->read_bytes >= HTTP_OUT_READ_BYTES;
    return t->enough ? 0 : len;
}

/* ---- a transfer ---- */

static void set_limits(CURL *c) {
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_OUT_CONNECT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)HTTP_OUT_TOTAL_MS);
    /* or a name server that hangs holds up whoever ends the transfer, and with it all others */
    curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
}

static void set_tls(CURL *c) {
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (*config()->egress_ca_file) curl_easy_setopt(c, CURLOPT_CAINFO, config()->egress_ca_file);
}

static void set_callbacks(struct transfer *t) {
    curl_easy_setopt(t->curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(t->curl, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_HEADERFUNCTION, take_head);
    curl_easy_setopt(t->curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_PRIVATE, t);
}

static bool add_header(struct transfer *t, const char *name, const char *value) {
    char line[1024];
    if (snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line) return false;
    if (!*value) line[strlen(name) + 1] = 0; /* "Name:" keeps curl from sending its own */
    struct curl_slist *longer = curl_slist_append(t->headers, line);
    if (longer) t->headers = longer;
    return longer;
}

static bool set_request(struct transfer *t, const struct http_out_request *request) {
    bool ok = add_header(t, "Content-Type", "application/json") && add_header(t, "User-Agent", "mdr-gateway") &&
              add_header(t, "Expect", "");
    for (size_t i = 0; i < request->headers_n; i++)
        ok = ok && add_header(t, request->headers[i].name, request->headers[i].value);
    curl_easy_setopt(t->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes);
    ok = ok && curl_easy_setopt(t->curl, CURLOPT_URL, request->url) == CURLE_OK &&
         curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK;
    return ok && curl_easy_setopt(t->curl, CURLOPT_COPYPOSTFIELDS, request->body) == CURLE_OK;
}

static void transfer_free(struct transfer *t) {
    if (!t) return;
    curl_easy_cleanup(t->curl);
    curl_slist_free_all(t->headers);
    free(t);
}

static struct transfer *transfer_new(const struct http_out_request *request, void *user) {
    curl_start();
    struct transfer *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->user = user;
    t->curl = curl_easy_init();
    t->began_ms = monotonic_ms();
    t->plain = !strncasecmp(request->url, "http:", 5);
    if (!t->curl || !set_request(t, request)) {
        transfer_free(t);
        return NULL;
    }
    set_limits(t->curl);
    set_tls(t->curl);
    set_callbacks(t);
    return t;
}

/* ---- what became of it ---- */

static const char *word_of(const struct transfer *t, CURLcode code) {
    if (code == CURLE_OK || t->enough) return "";
    if (t->refused && code == CURLE_COULDNT_CONNECT) return "refused_address";
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return "name_not_found";
    case CURLE_COULDNT_CONNECT: return "connect";
    case CURLE_OPERATION_TIMEDOUT: return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR: return "tls";
    default: return "protocol";
    }
}

/* Bytes of the valid UTF-8 character at s; 0: none. */
static size_t character_bytes(const unsigned char *s, size_t len) {
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    if (!n || n > len) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)) return 0;
    if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) return 0;
    return n;
}

/* Printable text only: what cannot be shown becomes a blank. */
static void copy_text(const struct transfer *t, char *out, size_t size) {
    const unsigned char *s = (const unsigned char *)t->text;
    size_t at = 0, len = 0;
    for (int characters = 0; at < t->text_len && characters < TEXT_CHARACTERS; characters++) {
        size_t n = character_bytes(s + at, t->text_len - at);
        bool control = n <= 1 && (s[at] < 0x20 || s[at] >= 0x7f);
        control = control || (n == 2 && s[at] == 0xc2 && s[at + 1] < 0xa0);
        if (len + (n ? n : 1) >= size) break;
        if (control || !n)
            out[len++] = ' ';
        else {
            memcpy(out + len, s + at, n);
            len += n;
        }
        at += n ? n : 1;
    }
    out[len] = 0;
}

static void note_reply(const struct transfer *t, CURLcode code, struct http_out_reply *reply) {
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    *reply = (struct http_out_reply){
        .status = (int)status, .error = word_of(t, code), .duration_ms = monotonic_ms() - t->began_ms};
    copy_text(t, reply->text, sizeof reply->text);
}

bool http_out_send(const struct http_out_request *request, struct http_out_reply *reply) {
    struct transfer *t = transfer_new(request, NULL);
    if (!t) return false;
    note_reply(t, curl_easy_perform(t->curl), reply);
    transfer_free(t);
    return true;
}

/* ---- many at a time ---- */

enum { POOL_MAX = 512 };

struct http_out_pool {
    CURLM *multi;
    struct transfer *flying[POOL_MAX];
};

struct http_out_pool *http_out_pool_new(void) {
    curl_start();
    struct http_out_pool *pool = calloc(1, sizeof *pool);
    if (!pool) return NULL;
    pool->multi = curl_multi_init();
    if (pool->multi && curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS) == CURLM_OK)
        return pool;
    curl_multi_cleanup(pool->multi);
    free(pool);
    return NULL;
}

static int place_of(const struct http_out_pool *pool, const struct transfer *t) {
    for (int i = 0; i < POOL_MAX; i++)
        if (pool->flying[i] == t) return i;
    return -1;
}

static void land(struct http_out_pool *pool, struct transfer *t) {
    pool->flying[place_of(pool, t)] = NULL;
    curl_multi_remove_handle(pool->multi, t->curl);
    transfer_free(t);
}

void http_out_pool_free(struct http_out_pool *pool, void (*ended)(void *user)) {
    if (!pool) return;
    for (int i = 0; i < POOL_MAX; i++) {
        if (!pool->flying[i]) continue;
        ended(pool->flying[i]->user);
        land(pool, pool->flying[i]);
    }
    curl_multi_cleanup(pool->multi);
    free(pool);
}

bool http_out_start(struct http_out_pool *pool, const struct http_out_request *request, void *user) {
    int place = place_of(pool, NULL);
    struct transfer *t = place < 0 ? NULL : transfer_new(request, user);
    if (!t) return false;
    if (curl_multi_add_handle(pool->multi, t->curl) != CURLM_OK) {
        transfer_free(t);
        return false;
    }
    pool->flying[place] = t;
    return true;
}

void http_out_work(struct http_out_pool *pool, int ms) {
    int running = 0;
    curl_multi_perform(pool->multi, &running);
    if (curl_multi_poll(pool->multi, NULL, 0, ms, NULL) == CURLM_OK) curl_multi_perform(pool->multi, &running);
}

bool http_out_ended(struct http_out_pool *pool, void **user, struct http_out_reply *reply) {
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(pool->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        struct transfer *t = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        note_reply(t, code, reply);
        *user = t->user;
        land(pool, t);
        return true;
    }
    return false;
}

void http_out_wake(struct http_out_pool *pool) { curl_multi_wakeup(pool->multi); }
