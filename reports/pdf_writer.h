/* What the documents share: words in the reader's language, times in its zone, cleaned texts that live until the document
 * is done, headings, cells, and the frame that opens, finishes and closes a document. */
#ifndef REPORTS_PDF_WRITER_H
#define REPORTS_PDF_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/tz.h"
#include "reports/pdf_flow.h"
#include "reports/pdf_labels.h"

struct writer {
    struct flow *flow;
    struct tz *zone;
    bool ja;
    GPtrArray *texts; /* alive until the document is done */
};

/* What a document is called: its title and author as metadata, the first words of its footer, when it was made. */
struct document {
    const char *title, *author, *footer;
    int64_t generated_ms;
};

/* Has `write` lay out `content` and name the document, then appends the PDF to out. language: "ja", else English; timezone:
 * IANA name, UTC where it is none. Documents take turns. ERR_INTERNAL: out went over its limit, or the fonts are missing. */
typedef void document_write(struct writer *w, const void *content, struct document *document);
enum err writer_run(const char *language, const char *timezone, document_write *write, const void *content,
                    struct buf *out) must_check;

/* All texts belong to the writer. */
const char *writer_label(const struct writer *w, enum pdf_label name);
const char *writer_keep(struct writer *w, char *text);        /* of g_strdup_printf(); takes it */
const char *writer_clean(struct writer *w, const char *text); /* from outside (pdf_text.h) */
const char *writer_value(struct writer *w, const char *text); /* pdf_value(), cleaned */
const char *writer_time(struct writer *w, int64_t ms);        /* "2026-11-22 06:33:45 JST"; 0 = "" */
const char *writer_time_in(struct writer *w, int64_t ms, const struct tz *zone);

static inline bool writer_filled(const char *text) { return text && *text; }
static inline struct cell key_cell(const char *text) { return (struct cell){text, FACE_CELL, GREY, NULL, true}; }
static inline struct cell text_cell(const char *text, enum face face) {
    return (struct cell){text, face, INK, NULL, false};
}

uint32_t priority_colour(const char *priority);

/* The band at the top of the first page: what it is, and for whom. */
void writer_banner(struct writer *w, enum pdf_label what, const char *organisation);
void writer_heading(struct writer *w, enum pdf_label name); /* with a bookmark */

#endif
