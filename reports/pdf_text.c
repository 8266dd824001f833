#include "reports/pdf_text.h"

#include <cmark-gfm-core-extensions.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/markdown.h"
#include "reports/pdf.h"

/* --- cleaning --- */

static bool changes_direction(gunichar c) {
    return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0x061c;
}

static bool is_invisible(gunichar c) {
    return (c < 0x20 && c != '\n') || (c >= 0x7f && c <= 0x9f) || (c >= 0x200b && c <= 0x200d) ||
           (c >= 0x2060 && c <= 0x206f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff || c == 0xad ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff) || (c & 0xfffe) == 0xfffe ||
           (c >= 0xfdd0 && c <= 0xfdef);
}

static void add_clean(struct buf *out, gunichar c, const char *from, size_t len) {
    if (changes_direction(c))
        buf_addf(out, "<U+%04X>", c);
    else if (c == '\t')
        buf_adds(out, "    ");
    else if (c == 0x2028 || c == 0x2029)
        buf_addc(out, '\n');
    else if (!is_invisible(c))
        buf_add(out, from, len);
}

void text_clean(struct buf *out, const char *text, const char *cut_note) {
    size_t left = text ? strlen(text) : 0, most = PDF_TEXT_MAX;
    while (left && most) {
        gunichar c = g_utf8_get_char_validated(text, (gssize)left);
        bool valid = c != (gunichar)-1 && c != (gunichar)-2;
        size_t len = valid ? (size_t)g_unichar_to_utf8(c, NULL) : 1;
        if (valid)
            add_clean(out, c, text, len);
        else
            buf_adds(out, "\xef\xbf\xbd");
        text += len;
        left -= len;
        most -= len < most ? len : most;
    }
    if (left) buf_addf(out, "\n\n%s", cut_note);
}

/* --- one run of text with its attributes --- */

struct run {
    struct buf text;
    PangoAttrList *attributes;
};

static void run_init(struct run *run) {
    buf_init(&run->text, 8 * MARKDOWN_MAX_BYTES);
    run->attributes = pango_attr_list_new();
}

static void run_free(struct run *run) {
    buf_free(&run->text);
    pango_attr_list_unref(run->attributes);
}

static void run_mark(struct run *run, PangoAttribute *attribute, size_t from) {
    attribute->start_index = (guint)from;
    attribute->end_index = (guint)run->text.len;
    pango_attr_list_insert(run->attributes, attribute);
}

static void run_code(struct run *run, const char *literal) {
    size_t from = run->text.len;
    buf_adds(&run->text, literal);
    run_mark(run, pango_attr_family_new("Liberation Mono, IPAexGothic, DejaVu Sans Mono"), from);
    run_mark(run, pango_attr_scale_new(0.9), from);
    run_mark(run, pango_attr_background_new(0xeeee, 0xf1f1, 0xf4f4), from);
}

/* A link's address stands behind its text, unless it is the text. */
static void run_link(struct run *run, cmark_node *node, size_t from) {
    const char *url = cmark_node_get_url(node), *shown = buf_text(&run->text) + from;
    bool same = !strcmp(url, shown) || (!strncmp(url, "mailto:", 7) && !strcmp(url + 7, shown)) ||
                (!strncmp(url, "http://", 7) && !strcmp(url + 7, shown));
    if (!same) buf_addf(&run->text, " (%s)", url);
    run_mark(run, pango_attr_foreground_new(0x1717, 0x4040, 0x6d6d), from);
}

static void run_leave(struct run *run, cmark_node *node, cmark_node_type type) {
    size_t from = (size_t)(uintptr_t)cmark_node_get_user_data(node);
    if (type == CMARK_NODE_STRONG)
        run_mark(run, pango_attr_weight_new(PANGO_WEIGHT_BOLD), from);
    else if (type == CMARK_NODE_EMPH)
        run_mark(run, pango_attr_style_new(PANGO_STYLE_ITALIC), from);
    else if (type == CMARK_NODE_LINK)
        run_link(run, node, from);
    else if (!strcmp(cmark_node_get_type_string(node), "strikethrough"))
        run_mark(run, pango_attr_strikethrough_new(TRUE), from);
    else if ((type & CMARK_NODE_TYPE_MASK) == CMARK_NODE_TYPE_BLOCK && run->text.len)
        buf_addc(&run->text, '\n');
}

static void run_enter(struct run *run, cmark_node *node, cmark_node_type type) {
    cmark_node_set_user_data(node, (void *)(uintptr_t)run->text.len);
    if (type == CMARK_NODE_TEXT)
        buf_adds(&run->text, cmark_node_get_literal(node));
    else if (type == CMARK_NODE_CODE || type == CMARK_NODE_CODE_BLOCK)
        run_code(run, cmark_node_get_literal(node));
    else if (type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK)
        buf_addc(&run->text, '\n');
}

/* Everything below node, in one run. */
static void run_collect(struct run *run, cmark_node *node) {
    cmark_iter *iter = cmark_iter_new(node);
    for (cmark_event_type event; (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE;) {
        cmark_node *at = cmark_iter_get_node(iter);
        cmark_node_type type = cmark_node_get_type(at);
        if (event == CMARK_EVENT_ENTER)
            run_enter(run, at, type);
        else if (at != node)
            run_leave(run, at, type);
    }
    cmark_iter_free(iter);
    while (run->text.len && run->text.data[run->text.len - 1] == '\n') run->text.data[--run->text.len] = 0;
}

/* --- blocks --- */

struct place {
    double indent;
    int depth, bars;
    const char *marker; /* waits for the first line of a list item */
};

enum { DEPTH_MAX = 8, LIST_INDENT = 16, QUOTE_INDENT = 10 };
static const double BLOCK_GAP = 5;

static void write_blocks(struct flow *flow, cmark_node *parent, struct place *place, bool tight);

static void write_run(struct flow *flow, cmark_node *node, struct place *place, enum face face, uint32_t ink) {
    struct run run;
    run_init(&run);
    run_collect(&run, node);
    struct paragraph style = {
        .face = face, .ink = ink, .indent = place->indent, .bars = place->bars, .marker = place->marker};
    flow_paragraph(flow, &style, buf_text(&run.text), run.attributes);
    place->marker = NULL;
    run_free(&run);
}

static void write_heading(struct flow *flow, cmark_node *node, struct place *place) {
    bool big = cmark_node_get_heading_level(node) <= 2;
    flow_gap(flow, 3);
    flow_need(flow, 4 * flow_line_height(FACE_BODY));
    write_run(flow, node, place, big ? FACE_SUBHEADING : FACE_CELL_BOLD, BRAND);
}

static void write_code(struct flow *flow, cmark_node *node, struct place *place) {
    char *literal = g_strdup(cmark_node_get_literal(node));
    size_t len = strlen(literal);
    if (len && literal[len - 1] == '\n') literal[len - 1] = 0;
    struct paragraph style = {FACE_MONO, INK, place->indent, true, place->bars, place->marker};
    flow_paragraph(flow, &style, literal, NULL);
    place->marker = NULL;
    g_free(literal);
}

static void write_item(struct flow *flow, cmark_node *item, const struct place *outer, const char *marker, bool tight) {
    struct place inner = {outer->indent + LIST_INDENT, outer->depth + 1, outer->bars, marker};
    write_blocks(flow, item, &inner, tight);
    if (!inner.marker) return;
    struct paragraph empty = {.face = FACE_BODY, .ink = INK, .indent = inner.indent, .marker = marker};
    flow_paragraph(flow, &empty, "", NULL);
}

static void write_list(struct flow *flow, cmark_node *list, const struct place *place) {
    bool ordered = cmark_node_get_list_type(list) == CMARK_ORDERED_LIST, tight = cmark_node_get_list_tight(list);
    int number = cmark_node_get_list_start(list);
    for (cmark_node *item = cmark_node_first_child(list); item; item = cmark_node_next(item), number++) {
        char marker[16] = "\u2022";
        if (ordered) snprintf(marker, sizeof marker, "%d.", number);
        if (!strcmp(cmark_node_get_type_string(item), "tasklist"))
            snprintf(marker, sizeof marker, "%s",
                     cmark_gfm_extensions_get_tasklist_item_checked(item) ? "\u2611" : "\u2610");
        write_item(flow, item, place, marker, tight);
    }
}

/* Column widths follow the longest text of each column, within reason. */
static void measure(cmark_node *node, struct table *table) {
    for (cmark_node *row = cmark_node_first_child(node); row; row = cmark_node_next(row)) {
        int i = 0;
        for (cmark_node *cell = cmark_node_first_child(row); cell && i < table->columns;
             cell = cmark_node_next(cell), i++) {
            struct run run;
            run_init(&run);
            run_collect(&run, cell);
            double wanted = run.text.len < 6 ? 6 : run.text.len > 48 ? 48 : (double)run.text.len;
            if (wanted > table->widths[i]) table->widths[i] = wanted;
            run_free(&run);
        }
    }
}

static void write_row(struct flow *flow, cmark_node *row, const struct table *table) {
    struct run runs[COLUMNS_MAX];
    struct cell cells[COLUMNS_MAX] = {0};
    bool head = cmark_gfm_extensions_get_table_row_is_header(row);
    cmark_node *cell = cmark_node_first_child(row);
    for (int i = 0; i < table->columns; i++, cell = cell ? cmark_node_next(cell) : NULL) {
        run_init(&runs[i]);
        if (cell) run_collect(&runs[i], cell);
        cells[i] = (struct cell){buf_text(&runs[i].text), head ? FACE_CELL_BOLD : FACE_CELL, head ? BRAND : INK,
                                 runs[i].attributes, head};
    }
    table_row(flow, table, cells);
    for (int i = 0; i < table->columns; i++) run_free(&runs[i]);
}

static void write_table(struct flow *flow, cmark_node *node, struct place *place) {
    struct table table = {.columns = cmark_gfm_extensions_get_table_columns(node), .indent = place->indent};
    if (table.columns > COLUMNS_MAX) {
        write_run(flow, node, place, FACE_BODY, INK);
        return;
    }
    measure(node, &table);
    for (cmark_node *row = cmark_node_first_child(node); row; row = cmark_node_next(row)) write_row(flow, row, &table);
}

static void write_quote(struct flow *flow, cmark_node *node, const struct place *place) {
    struct place inner = {place->indent + QUOTE_INDENT, place->depth + 1, place->bars + 1, NULL};
    write_blocks(flow, node, &inner, false);
}

static void write_block(struct flow *flow, cmark_node *node, struct place *place) {
    cmark_node_type type = cmark_node_get_type(node);
    bool deep = place->depth >= DEPTH_MAX;
    if (type == CMARK_NODE_HEADING)
        write_heading(flow, node, place);
    else if (type == CMARK_NODE_CODE_BLOCK)
        write_code(flow, node, place);
    else if (type == CMARK_NODE_THEMATIC_BREAK)
        flow_box(flow, MARGIN, flow_y(flow) + 2, BODY_WIDTH, 0.5, RULE), flow_gap(flow, 4);
    else if (type == CMARK_NODE_LIST && !deep)
        write_list(flow, node, place);
    else if (type == CMARK_NODE_BLOCK_QUOTE && !deep)
        write_quote(flow, node, place);
    else if (!strcmp(cmark_node_get_type_string(node), "table"))
        write_table(flow, node, place);
    else
        write_run(flow, node, place, FACE_BODY, place->bars ? GREY : INK);
}

static void write_blocks(struct flow *flow, cmark_node *parent, struct place *place, bool tight) {
    for (cmark_node *node = cmark_node_first_child(parent); node && !flow_full(flow); node = cmark_node_next(node)) {
        write_block(flow, node, place);
        flow_gap(flow, tight ? 1 : BLOCK_GAP);
    }
}

/* As much as the parser takes, ending with a paragraph, a line or at least a character. */
static size_t piece_len(const char *text) {
    size_t len = strnlen(text, MARKDOWN_MAX_BYTES + 1);
    if (len <= MARKDOWN_MAX_BYTES) return len;
    for (size_t i = MARKDOWN_MAX_BYTES; i > 1; i--)
        if (text[i - 1] == '\n' && text[i - 2] == '\n') return i;
    for (size_t i = MARKDOWN_MAX_BYTES; i > 1; i--)
        if (text[i - 1] == '\n') return i;
    for (len = MARKDOWN_MAX_BYTES; (text[len] & 0xc0) == 0x80;) len--;
    return len;
}

void text_markdown(struct flow *flow, const char *markdown, double indent) {
    for (size_t len; *markdown && !flow_full(flow); markdown += len) {
        len = piece_len(markdown);
        cmark_node *root = markdown_parse(markdown, len);
        struct place place = {.indent = indent};
        if (root) write_blocks(flow, root, &place, false);
        if (root) cmark_node_free(root);
    }
}
