/* Markdown to safe HTML, and Markdown to a cleaned tree for the PDF. The only file that knows how cmark-gfm is set up.
 *
 * GitHub's dialect: tables, strikethrough, bare links, task lists. What never comes out: raw HTML (shown as the text
 * that it is), images (their alternative text stays; nothing is fetched from elsewhere), links of other schemes than
 * http, https, mailto (their text stays, the link does not). Any bytes may come in; what is not UTF-8 becomes U+FFFD.
 * A table of absurd size (more than some 32,000 cells, by pipes and lines) stays text. Any thread may call.
 * Source: contract A1 (markdown_to_html). */
#ifndef REPORTS_MARKDOWN_H
#define REPORTS_MARKDOWN_H

#include <cmark-gfm.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    MARKDOWN_MAX_BYTES = 8192,        /* more is not parsed: tables cost the square of their length */
    MARKDOWN_HTML_MAX_BYTES = 262144, /* more HTML than this is thrown away for the plain text */
};

/* Appends the HTML of `markdown` (len bytes) to html, whose limit should leave MARKDOWN_HTML_MAX_BYTES + 6 x len free.
 * Too long a text, or one whose HTML grows too large, comes as one <p> of escaped text.
 * Errors: ERR_INTERNAL where html went over its limit. */
enum err markdown_to_html(const char *markdown, size_t len, struct buf *html) must_check;

/* The tree after cleaning: no HTML nodes, no images, only allowed links. Free it with cmark_node_free().
 * NULL where the text is longer than MARKDOWN_MAX_BYTES. */
cmark_node *markdown_parse(const char *markdown, size_t len);

/* Appends text with & < > " escaped. */
void html_escape(struct buf *html, const char *text, size_t len);

#endif
