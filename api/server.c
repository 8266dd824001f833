/* The server's own pages: health, readiness, metrics, the API's description. */
#include "api/edge.h"
#include "api/metrics.h"
#include "build/gen/operations.h"
#include "migrations/migrate.h"

enum err server_health(struct request *r, const struct no_args *args, struct reply *out) {
    (void)r;
    (void)args;
    buf_adds(&out->body, "{\"status\":\"ok\"}");
    return OK;
}

enum err server_ready(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    const char *problem = NULL;
    if (edge_draining()) return fail(r, ERR_UNAVAILABLE, "The gateway is stopping.");
    if (migrate_check(&problem) != OK) return fail(r, ERR_UNAVAILABLE, "Not ready: %s.", problem);
    buf_adds(&out->body, "{\"status\":\"ready\"}");
    return OK;
}

enum err server_openapi(struct request *r, const struct no_args *args, struct reply *out) {
    (void)r;
    (void)args;
    out->content_type = "application/yaml; charset=utf-8";
    buf_add(&out->body, openapi_yaml, openapi_yaml_len);
    return OK;
}

enum err server_docs(struct request *r, const struct no_args *args, struct reply *out) {
    (void)r;
    (void)args;
    out->content_type = "text/html; charset=utf-8";
    reply_header(out, "Content-Security-Policy",
                 "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    buf_add(&out->body, docs_html, docs_html_len);
    return OK;
}

enum err server_metrics(struct request *r, const struct no_args *args, struct reply *out) {
    (void)r;
    (void)args;
    out->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_text(&out->body);
    return OK;
}
