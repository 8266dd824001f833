/* The report of a schedule's period, from the rows that its tenants may show to the finished PDF. Source: contract A8. */
#ifndef REPORTS_PERIOD_H
#define REPORTS_PERIOD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/db.h"
#include "reports/period_pdf.h"

enum { PERIOD_LIST_MAX = 1000 }; /* incidents listed; the most important, newest first; all are counted */

struct period_spec {
    struct db_scope scope; /* of the schedule's tenants */
    const char *schedule, *type, *language, *timezone;
    int64_t from_ms, to_ms;
};

/* Appends the PDF; *report holds what stands in it, its texts in the arena.
 * Reads first, then renders without a database connection. Errors: ERR_NOT_FOUND: no such client; ERR_UNAVAILABLE;
 * ERR_INTERNAL (fonts missing, pdf over its limit). */
enum err period_render(struct arena *arena, const struct period_spec *spec, struct buf *pdf,
                       struct period_report *report) must_check;

#endif
