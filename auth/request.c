#include "auth/request.h"

#include <stdio.h>
#include <string.h>

static const struct {
    enum role role;
    const char *code;
} roles[] = {
    {ROLE_SUPERVISOR, "SUPERVISOR"},   {ROLE_SENIOR_OFFICER, "SENIOR_OFFICER"}, {ROLE_OFFICER, "OFFICER"},
    {ROLE_SOC_ANALYST, "SOC_ANALYST"}, {ROLE_CONNECTOR, "CONNECTOR"},
};

const char *role_code(enum role r) {
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (roles[i].role == r) return roles[i].code;
    return "";
}

enum role role_parse(const char *code) {
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(roles[i].code, code)) return roles[i].role;
    return 0;
}

const char *origin_of(const struct request *r) { return r->who.role == ROLE_SOC_ANALYST ? "Service" : "Client"; }

enum err fail(struct request *r, enum err e, const char *format, ...) {
    if (r->fault.err != OK) return r->fault.err;
    va_list args;
    va_start(args, format);
    r->fault.err = e;
    r->fault.detail = arena_vprintf(r->arena, format, args);
    va_end(args);
    return e;
}

enum err fail_not_found(struct request *r) { return fail(r, ERR_NOT_FOUND, NOT_FOUND_DETAIL); }

enum err fail_at(struct request *r, const char *pointer, const char *format, ...) {
    if (r->fault.err == OK) {
        r->fault.err = ERR_INVALID;
        r->fault.detail = "See errors: each names a member of the request.";
    }
    if (r->fault.items_n == FAULT_ITEMS_MAX) return ERR_INVALID;
    va_list args;
    va_start(args, format);
    r->fault.items[r->fault.items_n++] = (struct fault_item){
        .pointer = arena_strdup(r->arena, pointer),
        .detail = arena_vprintf(r->arena, format, args),
    };
    va_end(args);
    return ERR_INVALID;
}

void fault_extra(struct request *r, const char *key, const char *json) {
    if (r->fault.extras_n == FAULT_EXTRAS_MAX) return;
    r->fault.extras[r->fault.extras_n].key = key;
    r->fault.extras[r->fault.extras_n++].json = arena_strdup(r->arena, json);
}

void reply_header(struct reply *p, const char *name, const char *value) {
    if (p->headers_n == sizeof p->headers / sizeof *p->headers) return;
    p->headers[p->headers_n].name = name;
    p->headers[p->headers_n++].value = value;
}
