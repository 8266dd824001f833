#include "api/problem.h"

#include <string.h>

static int retry_after_s(const struct request *r, enum err e) {
    if (r->fault.retry_after_s) return r->fault.retry_after_s;
    return e == ERR_UNAVAILABLE || e == ERR_RATE ? 2 : 0;
}

static const char *default_detail(enum err e) {
    if (e == ERR_UNAVAILABLE) return "Nothing is wrong with the request; send it again after the time in Retry-After.";
    if (e == ERR_INTERNAL) return "The fault is logged under request_id.";
    if (e == ERR_NOT_FOUND) return NOT_FOUND_DETAIL;
    return err_title(e);
}

static void add_items(struct buf *b, const struct fault *f) {
    if (!f->items_n) return;
    json_key(b, "errors");
    json_open(b, '[');
    for (size_t i = 0; i < f->items_n; i++) {
        json_open(b, '{');
        json_kstr(b, "pointer", f->items[i].pointer);
        json_kstr(b, "detail", f->items[i].detail);
        json_close(b, '}');
    }
    json_close(b, ']');
}

void problem_reply(struct call *c, struct request *r, enum err e) {
    const struct fault *f = &r->fault;
    struct reply *p = &c->reply;
    buf_free(&p->body);
    buf_init(&p->body, 4 * 1024 * 1024);
    if (p->stream_free && p->stream_source) p->stream_free(p->stream_source);
    p->stream = NULL;
    p->content_type = "application/problem+json";
    c->status = err_status(e);
    json_open(&p->body, '{');
    buf_addf(&p->body, "\"type\":\"/docs#error-%s\"", err_code(e));
    json_kstr(&p->body, "title", err_title(e));
    json_kint(&p->body, "status", c->status);
    json_kstr(&p->body, "detail", f->err == e && f->detail ? f->detail : default_detail(e));
    json_kstr(&p->body, "code", err_code(e));
    if (f->err == e) add_items(&p->body, f);
    for (size_t i = 0; f->err == e && i < f->extras_n; i++) json_kraw(&p->body, f->extras[i].key, f->extras[i].json);
    json_kstr(&p->body, "request_id", r->request_id);
    json_close(&p->body, '}');
    int retry = retry_after_s(r, e);
    if (retry) reply_header(p, "Retry-After", arena_printf(r->arena, "%d", retry));
}
