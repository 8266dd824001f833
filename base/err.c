#include "base/err.h"

#include <stddef.h>

static const struct {
    int status;
    const char *code, *title;
} table[ERR_COUNT] = {
#define X(name, status, code, title) [name] = {status, code, title},
    ERROR_TABLE(X)
#undef X
};

int err_status(enum err e) { return table[e].status; }

const char *err_code(enum err e) { return table[e].code; }

const char *err_title(enum err e) { return table[e].title; }
