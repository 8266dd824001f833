/* The PDF summary of an incident, from its number or id to the finished file. Source: contract A5, B7. */
#ifndef REPORTS_SUMMARY_H
#define REPORTS_SUMMARY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/db.h"
#include "base/err.h"

enum { SUMMARY_RESPONSES_MAX = 1000, SUMMARY_MESSAGES_MAX = 2000 }; /* the newest; more than the pages hold */

struct summary {
    int64_t number;       /* K-<n> */
    const char *headline; /* the incident's summary line; in the arena */
    const char *organisation;
};

/* Appends the PDF of an incident that the scope may see; reading it marks nothing as read.
 * language: "ja", else English; timezone: IANA name. Reads first, then renders without a database connection.
 * Errors: ERR_NOT_FOUND; ERR_UNAVAILABLE; ERR_INTERNAL (fonts missing, pdf over its limit). */
enum err summary_render(struct arena *arena, const struct db_scope *scope, const char *incident_id,
                        const char *language, const char *timezone, struct buf *pdf, struct summary *out) must_check;

#endif
