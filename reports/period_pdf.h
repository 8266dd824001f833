/* The report of a day, a week or a month as a PDF: key figures, incidents counted and listed, assets by status, responses
 * and who decided them. Texts as in pdf.h: NULL is empty, any bytes may come in. Source: contract A8. */
#ifndef REPORTS_PERIOD_PDF_H
#define REPORTS_PERIOD_PDF_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum priority_row { PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITIES };
enum incident_column {
    COUNT_ALL,
    COUNT_OPEN,
    COUNT_ON_HOLD,
    COUNT_RESOLVED,
    COUNT_CLOSED,
    COUNT_FALSE_POSITIVE,
    COUNT_TRUE_POSITIVE,
    COUNT_OTHER,
    INCIDENT_COUNTS
};
enum asset_row { ASSETS_OK, ASSETS_WARNING, ASSETS_CRITICAL, ASSETS_OFFLINE, ASSETS_ABSENT, ASSET_ROWS };
enum decider { DECIDED_BY_PEOPLE, DECIDED_AUTOMATICALLY, DECIDED_BY_DEADLINE, DECIDERS };
enum decision_column { DECISION_CONFIRMED, DECISION_DECLINED, DECISIONS };

struct period_incident {
    int64_t number, created_ms;
    const char *summary, *priority, *status, *resolution, *hosts;
};

struct period_execution {
    const char *state; /* "succeeded" */
    int64_t n;
};

struct period_report {
    const char *organisation, *schedule, *type /* daily | weekly | monthly */;
    const char *tenants;                  /* names; NULL = all */
    int64_t from_ms, to_ms, generated_ms; /* [from, to) */
    int64_t incidents[PRIORITIES][INCIDENT_COUNTS];
    const struct period_incident *list; /* the first of them */
    size_t list_n;
    int64_t assets[ASSET_ROWS];
    int64_t responses_waiting;   /* now, however old */
    int64_t responses_undecided; /* of the period */
    int64_t responses[DECIDERS][DECISIONS];
    const struct period_execution *executions;
    size_t executions_n;
    const char *language; /* "ja", else English */
    const char *timezone; /* IANA name; UTC where it is none */
};

/* Sum over the priorities. */
int64_t period_incidents(const struct period_report *report, enum incident_column column);

/* "2026-11-21", or "2026-11-15 - 2026-11-21" with an en dash: first and last local day. out holds PERIOD_TEXT_BYTES. */
enum { PERIOD_TEXT_BYTES = 40 };
void period_text(const char *timezone, int64_t from_ms, int64_t to_ms, char *out);

/* Appends the PDF to out. Errors as report_pdf(). */
enum err period_pdf(const struct period_report *report, struct buf *out) must_check;

#endif
