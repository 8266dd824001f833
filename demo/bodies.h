/* The texts that the database renders for each object (incident_body(), comment_body(), attachment_body(), response_body() and what
 * is searched, in migrations/), rendered here: for a million rows that is a tenth of the time. tests/test_demo.py compares each of
 * them with what the database makes of the same row. */
#ifndef DEMO_BODIES_H
#define DEMO_BODIES_H

#include "demo/content.h"

void body_of_incident(struct buf *b, const struct incident *i);
void body_of_comment(struct buf *b, const struct comment *m);
void body_of_attachment(struct buf *b, const struct attachment *a);
void body_of_response(struct buf *b, const struct response *r);

void body_of_execution(struct buf *b, const struct response *r);    /* column execution */
void body_of_iocs(struct buf *b, const struct ioc *iocs, size_t n); /* columns host_based_iocs, network_based_iocs */

/* Columns search_text and search_pairs of an incident. search_text is of the arena. */
const char *search_text_of_incident(struct arena *a, const struct incident *i);
void search_pairs(struct buf *b, const char *search_text);

#endif
