/* Texts for the PDF: cleaning of what came from outside, and Markdown laid out on the pages. */
#ifndef REPORTS_PDF_TEXT_H
#define REPORTS_PDF_TEXT_H

#include "base/buf.h"
#include "reports/pdf_flow.h"

/* Appends text (NULL = nothing) as valid UTF-8 without control characters (line feeds stay, a tab becomes blanks);
 * marks that change the direction of writing become visible (<U+202E>), invisible ones go. Over PDF_TEXT_MAX bytes
 * it is cut and cut_note added. */
void text_clean(struct buf *out, const char *text, const char *cut_note);

/* Lays out Markdown; clean text only. */
void text_markdown(struct flow *flow, const char *markdown, double indent);

#endif
