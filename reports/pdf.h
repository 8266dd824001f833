/* The PDF summary of one incident, as it is mailed and downloaded: A4, Japanese or English, text only (no links, no
 * active content).
 *
 * Texts marked (Markdown) are rendered from Markdown, all others are shown as they are. NULL is an empty text; empty
 * facts and sections are left out. Any bytes may come in: control characters go, bidirectional overrides are shown
 * as <U+202E>, unknown glyphs as boxes.
 * Fonts: Liberation Sans and Mono, IPAexGothic (packages fonts-liberation2 or fonts-liberation,
 * fonts-ipaexfont-gothic).
 * Source: contract A5 (incidents/send/email), B7 (summary.pdf). */
#ifndef REPORTS_PDF_H
#define REPORTS_PDF_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct report_ioc {
    const char *type, *value, *description;
};

struct report_response {
    const char *type;   /* "RUN_SCRIPT"; known types get a title */
    const char *asset;  /* "HOST:0xID" */
    const char *status; /* New | Confirmed | Declined */
    const char *description;
    const char *comment;
    const char *parameters; /* text, e.g. JSON */
    const char *decided_by;
    const char *execution;          /* state and message */
    int64_t created_ms, decided_ms; /* 0 = unknown */
};

/* A comment, or an attachment with its caption as text. */
struct report_message {
    const char *author, *origin /* Service | Client */, *text /* (Markdown) */;
    int64_t time_ms;
    const char *file_name; /* NULL or "" = a comment */
    int64_t file_bytes;
};

struct report {
    const char *organisation, *tenant;
    int64_t number; /* K-<n> */
    const char *summary, *priority /* HIGH | NORMAL | LOW */, *status, *resolution, *origin, *attack_stage,
        *detection_technology;
    int64_t created_ms, updated_ms, detected_ms, generated_ms; /* since 1970; 0 = unknown */
    const char *const *hosts, *const *tactics, *const *techniques;
    size_t hosts_n, tactics_n, techniques_n;
    const char *description, *client_description, *recommendations, *status_description; /* (Markdown) */
    const struct report_ioc *host_iocs, *network_iocs;
    size_t host_iocs_n, network_iocs_n;
    const struct report_response *responses;
    size_t responses_n;
    const struct report_message *messages; /* oldest first */
    size_t messages_n;
    const char *language; /* "ja", else English */
    const char *timezone; /* IANA name; UTC where it is none */
};

enum {
    PDF_PAGES_MAX = 200,      /* what is longer ends with a line that says so */
    PDF_TEXT_MAX = 65536,     /* bytes of one text; the rest is cut, and says so */
    PDF_MAX_BYTES = 32 << 20, /* a good limit for `out` */
};

/* Appends the PDF to out. Any thread may call; they take turns, some 10 ms a page each.
 * Errors: ERR_INTERNAL where out went over its limit or the fonts are missing. */
enum err report_pdf(const struct report *report, struct buf *out) must_check;

#endif
