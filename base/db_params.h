/* Typed parameters of a statement, shared by the files of base/db*.c. */
#ifndef BASE_DB_PARAMS_H
#define BASE_DB_PARAMS_H

#include <libpq-fe.h>
#include <stdarg.h>

#include "base/db.h"

/* Appends the parameters named by types to q. */
void params_add(struct sql *q, const char *types, va_list args);

/* The arrays that libpq takes; pointers into q, valid until q changes. */
struct pq_params {
    const char *values[SQL_PARAMS_MAX];
    int lengths[SQL_PARAMS_MAX], formats[SQL_PARAMS_MAX];
    Oid types[SQL_PARAMS_MAX];
};
void params_for_pq(const struct sql *q, struct pq_params *out);

#endif
