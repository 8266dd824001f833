#include "reports/pdf_flow.h"

#include <cairo-pdf.h>
#include <fontconfig/fontconfig.h>
#include <math.h>
#include <pango/pangofc-fontmap.h>
#include <stdlib.h>
#include <string.h>

#include "reports/pdf.h"

/* Only these folders, whatever else is installed: every machine draws the same page, and no colour bitmap fonts come
 * in.
 * The match rules make bold and oblique of a font that has none. */
static const char FONTS_XML[] =
    "<fontconfig><cachedir>/var/cache/fontconfig</cachedir>"
    "<dir>/usr/share/fonts/truetype/liberation</dir><dir>/usr/share/fonts/truetype/liberation2</dir>"
    "<dir>/usr/share/fonts/opentype/ipaexfont-gothic</dir><dir>/usr/share/fonts/truetype/dejavu</dir>"
    "<match target='font'><test name='weight' compare='less_eq'><const>medium</const></test>"
    "<test target='pattern' name='weight' compare='more_eq'><const>bold</const></test>"
    "<edit name='embolden' mode='assign'><bool>true</bool></edit><edit name='weight' "
    "mode='assign'><const>bold</const></edit></match>"
    "</fontconfig>";

#define SANS "Liberation Sans, IPAexGothic, DejaVu Sans"
#define MONO "Liberation Mono, IPAexGothic, DejaVu Sans Mono"

static const struct {
    const char *family;
    double size, line;
    bool bold;
} FACE[FACES] = {
    [FACE_TITLE] = {SANS, 17, 23, true},          [FACE_HEADING] = {SANS, 12, 17, true},
    [FACE_SUBHEADING] = {SANS, 10.5, 15.5, true}, [FACE_BODY] = {SANS, 9.5, 14.5, false},
    [FACE_CELL] = {SANS, 8.5, 12, false},         [FACE_CELL_BOLD] = {SANS, 8.5, 12, true},
    [FACE_MONO] = {MONO, 8, 12, false},           [FACE_SMALL] = {SANS, 7.5, 11, false},
    [FACE_BADGE] = {SANS, 8, 13, true},
};

enum { CELL_LINE = 12, CELL_PAD_X = 5, CELL_PAD_Y = 3, BULLET_WIDTH = 14, OUTLINES_MAX = 32 };

struct mark {
    int page;
    double x, y, width, height; /* of a box; of a line the start of its baseline */
    uint32_t colour;
    PangoLayoutLine *line; /* NULL = a box */
};

struct flow {
    PangoContext *context;
    GPtrArray *layouts; /* they own the lines of the marks */
    struct mark *marks;
    size_t marks_n, marks_size;
    struct {
        char *title;
        int page;
        double y;
    } outlines[OUTLINES_MAX];
    int outlines_n, page;
    double y;
    bool full, failed;
};

/* Kept for the life of the process: reading the fonts costs more than a page. */
static PangoFontMap *fonts;

static PangoFontMap *load_fonts(void) {
    FcConfig *config = FcConfigCreate();
    if (!config || !FcConfigParseAndLoadFromMemory(config, (const FcChar8 *)FONTS_XML, FcFalse) ||
        !FcConfigBuildFonts(config))
        return NULL;
    FcFontSet *set = FcConfigGetFonts(config, FcSetSystem);
    if (!set || !set->nfont) {
        FcConfigDestroy(config);
        return NULL;
    }
    PangoFontMap *map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(map), 72);
    pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(map), config);
    FcConfigDestroy(config);
    return map;
}

static PangoContext *new_context(const char *language) {
    if (!fonts && !(fonts = load_fonts())) return NULL;
    PangoContext *context = pango_font_map_create_context(fonts);
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context, options);
    cairo_font_options_destroy(options);
    pango_context_set_round_glyph_positions(context, FALSE);
    pango_context_set_language(context, pango_language_from_string(language));
    return context;
}

struct flow *flow_new(const char *language) {
    struct flow *flow = calloc(1, sizeof *flow);
    if (!flow) return NULL;
    if (!(flow->context = new_context(language))) {
        free(flow);
        return NULL;
    }
    flow->layouts = g_ptr_array_new_with_free_func(g_object_unref);
    flow->y = PAGE_TOP;
    return flow;
}

void flow_free(struct flow *flow) {
    g_ptr_array_free(flow->layouts, TRUE);
    g_object_unref(flow->context);
    for (int i = 0; i < flow->outlines_n; i++) free(flow->outlines[i].title);
    free(flow->marks);
    free(flow);
}

double flow_y(const struct flow *flow) { return flow->y; }
bool flow_full(const struct flow *flow) { return flow->full || flow->failed; }
double flow_line_height(enum face face) { return FACE[face].line; }

void flow_gap(struct flow *flow, double points) {
    if (flow->y > PAGE_TOP) flow->y += points;
}

void flow_skip(struct flow *flow, double points) { flow->y += points; }

static void new_page(struct flow *flow) {
    flow->page++;
    flow->y = PAGE_TOP;
    if (flow->page >= PDF_PAGES_MAX) flow->full = true;
}

void flow_need(struct flow *flow, double points) {
    if (flow->y + points > PAGE_BOTTOM && flow->y > PAGE_TOP) new_page(flow);
}

static void add_mark(struct flow *flow, struct mark mark) {
    if (flow_full(flow)) return;
    if (flow->marks_n == flow->marks_size) {
        size_t size = flow->marks_size ? flow->marks_size * 2 : 512;
        struct mark *grown = realloc(flow->marks, size * sizeof *grown);
        if (!grown) {
            flow->failed = true;
            return;
        }
        flow->marks = grown;
        flow->marks_size = size;
    }
    mark.page = flow->page;
    flow->marks[flow->marks_n++] = mark;
}

void flow_box(struct flow *flow, double x, double y, double width, double height, uint32_t colour) {
    add_mark(flow, (struct mark){.x = x, .y = y, .width = width, .height = height, .colour = colour});
}

/* y is the top of the line's band; the baseline stands where Latin and Japanese both look centred. */
static void add_line(struct flow *flow, PangoLayoutLine *line, enum face face, uint32_t ink, double x, double y,
                     double height) {
    double baseline = y + height / 2 + FACE[face].size * 0.36;
    add_mark(flow, (struct mark){.x = x, .y = baseline, .colour = ink, .line = line});
}

void flow_outline(struct flow *flow, const char *title) {
    if (flow_full(flow) || flow->outlines_n == OUTLINES_MAX) return;
    int i = flow->outlines_n;
    if (!(flow->outlines[i].title = strdup(title))) return;
    flow->outlines[i].page = flow->page;
    flow->outlines[i].y = flow->y;
    flow->outlines_n++;
}

static PangoFontDescription *describe(enum face face) {
    PangoFontDescription *font = pango_font_description_new();
    pango_font_description_set_family_static(font, FACE[face].family);
    pango_font_description_set_absolute_size(font, FACE[face].size * PANGO_SCALE);
    if (FACE[face].bold) pango_font_description_set_weight(font, PANGO_WEIGHT_BOLD);
    return font;
}

/* Ligatures and hyphens would come back as other characters when the text is copied. */
static PangoAttrList *plain_attributes(PangoAttrList *wanted) {
    PangoAttrList *list = wanted ? pango_attr_list_copy(wanted) : pango_attr_list_new();
    pango_attr_list_insert(list, pango_attr_font_features_new("liga=0,clig=0,dlig=0"));
    pango_attr_list_insert(list, pango_attr_insert_hyphens_new(FALSE));
    return list;
}

PangoLayout *flow_layout(struct flow *flow, enum face face, double width, const char *text, PangoAttrList *attributes) {
    PangoLayout *layout = pango_layout_new(flow->context);
    g_ptr_array_add(flow->layouts, layout);
    PangoFontDescription *font = describe(face);
    PangoAttrList *list = plain_attributes(attributes);
    pango_layout_set_font_description(layout, font);
    pango_layout_set_attributes(layout, list);
    pango_attr_list_unref(list);
    pango_font_description_free(font);
    pango_layout_set_auto_dir(layout, FALSE);
    pango_layout_set_wrap(layout, face == FACE_MONO ? PANGO_WRAP_CHAR : PANGO_WRAP_WORD_CHAR);
    if (width > 0) pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_text(layout, text, -1);
    return layout;
}

static double layout_width(PangoLayout *layout) {
    int width;
    pango_layout_get_size(layout, &width, NULL);
    return (double)width / PANGO_SCALE;
}

double flow_label(struct flow *flow, enum face face, uint32_t ink, double x, double y, const char *text) {
    PangoLayout *layout = flow_layout(flow, face, 0, text, NULL);
    add_line(flow, pango_layout_get_line_readonly(layout, 0), face, ink, x, y, FACE[face].line);
    return layout_width(layout);
}

double flow_label_width(struct flow *flow, enum face face, const char *text) {
    return layout_width(flow_layout(flow, face, 0, text, NULL));
}

double flow_badge(struct flow *flow, uint32_t colour, double x, double y, const char *text, bool from_right) {
    PangoLayout *layout = flow_layout(flow, FACE_BADGE, 0, text, NULL);
    double width = layout_width(layout) + 14, height = FACE[FACE_BADGE].line;
    if (from_right) x -= width;
    flow_box(flow, x, y, width, height, colour);
    add_line(flow, pango_layout_get_line_readonly(layout, 0), FACE_BADGE, WHITE, x + 7, y, height);
    return width;
}

static void decorate(struct flow *flow, const struct paragraph *style, double left, double height) {
    for (int i = 0; i < style->bars; i++)
        flow_box(flow, MARGIN + style->indent - 10.0 * (style->bars - i) + 2, flow->y, 2, height, RULE);
    if (style->shaded) flow_box(flow, left, flow->y, PAGE_WIDTH - MARGIN - left, height, SHADE);
}

void flow_paragraph(struct flow *flow, const struct paragraph *style, const char *text, PangoAttrList *attributes) {
    double left = MARGIN + style->indent, pad = style->shaded ? 6 : 0, height = FACE[style->face].line;
    if (flow_full(flow)) return;
    PangoLayout *layout = flow_layout(flow, style->face, PAGE_WIDTH - MARGIN - left - 2 * pad, text, attributes);
    int n = pango_layout_get_line_count(layout);
    if (n > 1) flow_need(flow, 2 * height);
    int i = 0;
    for (GSList *lines = pango_layout_get_lines_readonly(layout); lines && !flow_full(flow); lines = lines->next, i++) {
        flow_need(flow, height);
        decorate(flow, style, left, height);
        if (!i && style->marker) flow_label(flow, FACE_BODY, style->ink, left - BULLET_WIDTH, flow->y, style->marker);
        add_line(flow, lines->data, style->face, style->ink, left + pad, flow->y, height);
        flow->y += height;
    }
}

/* --- tables --- */

static bool has_head(const struct table *table) {
    for (int i = 0; i < table->columns; i++)
        if (table->heads[i]) return true;
    return false;
}

static double column_x(const struct table *table, int column) {
    double all = 0, before = 0;
    for (int i = 0; i < table->columns; i++) {
        all += table->widths[i];
        if (i < column) before += table->widths[i];
    }
    return MARGIN + table->indent + (BODY_WIDTH - table->indent) * before / all;
}

static double column_width(const struct table *table, int column) {
    return column_x(table, column + 1) - column_x(table, column);
}

struct row {
    GSList *next[COLUMNS_MAX]; /* the lines not yet placed */
    int lines;                 /* of the tallest cell, not yet placed */
};

static struct row layout_row(struct flow *flow, const struct table *table, const struct cell *cells) {
    struct row row = {.lines = 1};
    for (int i = 0; i < table->columns; i++) {
        double width = column_width(table, i) - 2 * CELL_PAD_X;
        PangoLayout *layout =
            flow_layout(flow, cells[i].face, width, cells[i].text ? cells[i].text : "", cells[i].attributes);
        row.next[i] = pango_layout_get_lines_readonly(layout);
        int n = pango_layout_get_line_count(layout);
        if (n > row.lines) row.lines = n;
    }
    return row;
}

/* Places up to n lines of each cell, with shades behind, then rules above (a shade may have covered it) and below. */
static void place_lines(struct flow *flow, const struct table *table, const struct cell *cells, struct row *row,
                        int n) {
    double height = n * CELL_LINE + 2 * CELL_PAD_Y, x = MARGIN + table->indent;
    for (int i = 0; i < table->columns; i++) {
        double left = column_x(table, i), y = flow->y + CELL_PAD_Y;
        if (cells[i].shaded) flow_box(flow, left, flow->y, column_width(table, i), height, SHADE);
        for (int k = 0; k < n && row->next[i]; k++, y += CELL_LINE, row->next[i] = row->next[i]->next)
            add_line(flow, row->next[i]->data, cells[i].face, cells[i].ink, left + CELL_PAD_X, y, CELL_LINE);
    }
    flow_box(flow, x, flow->y - 0.5, PAGE_WIDTH - MARGIN - x, 0.5, RULE);
    flow->y += height;
    flow_box(flow, x, flow->y - 0.5, PAGE_WIDTH - MARGIN - x, 0.5, RULE);
    row->lines -= n;
}

static void draw_head(struct flow *flow, const struct table *table) {
    if (!has_head(table)) return;
    struct cell cells[COLUMNS_MAX] = {0};
    for (int i = 0; i < table->columns; i++)
        cells[i] = (struct cell){table->heads[i], FACE_CELL_BOLD, BRAND, NULL, true};
    struct row row = layout_row(flow, table, cells);
    place_lines(flow, table, cells, &row, row.lines < 8 ? row.lines : 8);
}

void table_head(struct flow *flow, const struct table *table) {
    flow_need(flow, 3 * (CELL_LINE + 2 * CELL_PAD_Y));
    draw_head(flow, table);
}

static int lines_left(const struct flow *flow) {
    return (int)floor((PAGE_BOTTOM - flow->y - 2 * CELL_PAD_Y) / CELL_LINE);
}

void table_row(struct flow *flow, const struct table *table, const struct cell *cells) {
    enum { KEEP_LINES = 12 };
    if (flow_full(flow)) return;
    struct row row = layout_row(flow, table, cells);
    while (row.lines > 0 && !flow_full(flow)) {
        int room = lines_left(flow);
        if (room < 1 || (room < row.lines && row.lines <= KEEP_LINES) || (room < row.lines && room < 3)) {
            new_page(flow);
            draw_head(flow, table);
            room = lines_left(flow);
        }
        place_lines(flow, table, cells, &row, room < row.lines ? room : row.lines);
    }
}

/* --- drawing --- */

static cairo_status_t write_out(void *out, const unsigned char *data, unsigned int len) {
    buf_add(out, data, len);
    return ((struct buf *)out)->failed ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static void set_colour(cairo_t *cr, uint32_t c) {
    cairo_set_source_rgb(cr, (double)(c >> 16 & 255) / 255, (double)(c >> 8 & 255) / 255, (double)(c & 255) / 255);
}

static void draw_mark(cairo_t *cr, const struct mark *mark) {
    set_colour(cr, mark->colour);
    if (!mark->line) {
        cairo_rectangle(cr, mark->x, mark->y, mark->width, mark->height);
        cairo_fill(cr);
        return;
    }
    cairo_move_to(cr, mark->x, mark->y);
    pango_cairo_show_layout_line(cr, mark->line);
}

static void draw_note(cairo_t *cr, struct flow *flow, const char *note) {
    set_colour(cr, RED);
    cairo_move_to(cr, MARGIN, PAGE_BOTTOM + 10);
    pango_cairo_show_layout_line(cr, pango_layout_get_line_readonly(flow_layout(flow, FACE_SMALL, 0, note, NULL), 0));
}

static void draw_footer(cairo_t *cr, struct flow *flow, const struct flow_text *text, int page, int pages) {
    char *line = g_strdup_printf("%s %d / %d", text->page_word, page + 1, pages);
    PangoLayout *left = flow_layout(flow, FACE_SMALL, 0, text->footer, NULL);
    PangoLayout *right = flow_layout(flow, FACE_SMALL, 0, line, NULL);
    g_free(line);
    set_colour(cr, RULE);
    cairo_rectangle(cr, MARGIN, PAGE_BOTTOM + 14, BODY_WIDTH, 0.5);
    cairo_fill(cr);
    set_colour(cr, GREY);
    cairo_move_to(cr, MARGIN, PAGE_BOTTOM + 28);
    pango_cairo_show_layout_line(cr, pango_layout_get_line_readonly(left, 0));
    cairo_move_to(cr, PAGE_WIDTH - MARGIN - layout_width(right), PAGE_BOTTOM + 28);
    pango_cairo_show_layout_line(cr, pango_layout_get_line_readonly(right, 0));
}

static void set_metadata(cairo_surface_t *surface, const struct flow *flow, const struct flow_text *text) {
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, text->title);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_AUTHOR, text->author);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "mdr-gateway");
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, text->created);
    for (int i = 0; i < flow->outlines_n; i++) {
        char *where =
            g_strdup_printf("page=%d pos=[%d %d]", flow->outlines[i].page + 1, MARGIN, (int)flow->outlines[i].y);
        cairo_pdf_surface_add_outline(surface, CAIRO_PDF_OUTLINE_ROOT, flow->outlines[i].title, where, 0);
        g_free(where);
    }
}

enum err flow_write(struct flow *flow, const struct flow_text *text, struct buf *out) {
    if (flow->failed) return ERR_INTERNAL;
    cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(write_out, out, PAGE_WIDTH, PAGE_HEIGHT);
    cairo_t *cr = cairo_create(surface);
    set_metadata(surface, flow, text);
    int pages = flow->full ? PDF_PAGES_MAX : flow->page + 1;
    size_t i = 0;
    for (int page = 0; page < pages; page++) {
        for (; i < flow->marks_n && flow->marks[i].page == page; i++) draw_mark(cr, &flow->marks[i]);
        draw_footer(cr, flow, text, page, pages);
        if (flow->full && page == pages - 1) draw_note(cr, flow, text->shortened);
        cairo_show_page(cr);
    }
    cairo_destroy(cr);
    cairo_surface_finish(surface);
    bool good = cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS && !out->failed;
    cairo_surface_destroy(surface);
    return good ? OK : ERR_INTERNAL;
}
