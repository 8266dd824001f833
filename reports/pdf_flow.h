/* Pages that fill from top to bottom: lines of text, tables whose rows break with a repeated head, filled boxes.
 * Everything is laid out first (a list of marks), then drawn, because the footer names the number of pages.
 * Lengths are points (1/72 inch), y grows downwards, colours are 0xRRGGBB. One thread at a time. */
#ifndef REPORTS_PDF_FLOW_H
#define REPORTS_PDF_FLOW_H

#include <pango/pangocairo.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    PAGE_WIDTH = 595,
    PAGE_HEIGHT = 842,
    MARGIN = 48,
    PAGE_TOP = 50,
    PAGE_BOTTOM = 784,
    BODY_WIDTH = PAGE_WIDTH - 2 * MARGIN
};

enum face {
    FACE_TITLE,
    FACE_HEADING,
    FACE_SUBHEADING,
    FACE_BODY,
    FACE_CELL,
    FACE_CELL_BOLD,
    FACE_MONO,
    FACE_SMALL,
    FACE_BADGE,
    FACES
};

enum colour {
    INK = 0x1f2933,
    GREY = 0x616e7c,
    RULE = 0xd5dbe1,
    SHADE = 0xf3f5f7,
    BRAND = 0x17406d,
    WHITE = 0xffffff,
    RED = 0xb42318,
    AMBER = 0xb54708,
    BLUE = 0x2f6fb3,
    GREEN = 0x2b7a3f,
};

struct flow; /* one document */

/* NULL: the fonts are missing. */
struct flow *flow_new(const char *language);
void flow_free(struct flow *flow);

double flow_y(const struct flow *flow);
void flow_gap(struct flow *flow, double points);  /* nothing at the top of a page */
void flow_skip(struct flow *flow, double points); /* also there */
void flow_need(struct flow *flow, double points); /* a new page where fewer are left */
bool flow_full(const struct flow *flow);          /* PDF_PAGES_MAX reached: nothing more is taken in */
void flow_box(struct flow *flow, double x, double y, double width, double height, uint32_t colour);
void flow_outline(struct flow *flow, const char *title); /* a bookmark to here */

/* attributes: NULL or yours, borrowed. text must be clean (pdf_text.h). The layout belongs to the flow. */
PangoLayout *flow_layout(struct flow *flow, enum face face, double width, const char *text, PangoAttrList *attributes);

struct paragraph {
    enum face face;
    uint32_t ink;
    double indent;      /* from the left margin */
    bool shaded;        /* a box behind (code) */
    int bars;           /* bars at the left (quotes) */
    const char *marker; /* "1." hangs left of the first line; NULL = none */
};
void flow_paragraph(struct flow *flow, const struct paragraph *style, const char *text, PangoAttrList *attributes);
double flow_line_height(enum face face);

/* One line at (x, y) that does not wrap; returns its width. */
double flow_label(struct flow *flow, enum face face, uint32_t ink, double x, double y, const char *text);
double flow_label_width(struct flow *flow, enum face face, const char *text);
/* A filled box with a text in it; x is its left edge, or its right edge where from_right. Returns its width. */
double flow_badge(struct flow *flow, uint32_t colour, double x, double y, const char *text, bool from_right);

enum { COLUMNS_MAX = 12 };
struct cell {
    const char *text;
    enum face face;
    uint32_t ink;
    PangoAttrList *attributes;
    bool shaded;
};
struct table {
    int columns;
    double widths[COLUMNS_MAX];     /* shares of the width */
    const char *heads[COLUMNS_MAX]; /* all NULL = no head */
    double indent;
};
void table_head(struct flow *flow, const struct table *table);
void table_row(struct flow *flow, const struct table *table, const struct cell *cells);

struct flow_text {
    const char *title, *author, *footer;
    const char *page_word; /* "Page": comes before "1 / 7" */
    const char *shortened; /* the last line of a document that was cut at PDF_PAGES_MAX */
    const char *created;   /* ISO 8601 */
};
enum err flow_write(struct flow *flow, const struct flow_text *text, struct buf *out) must_check;

#endif
