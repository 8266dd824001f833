#include "demo/picture.h"

#include <cairo.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "demo/dice.h"

enum { WIDTH = 160, HEIGHT = 100 };

static cairo_status_t append(void *closure, const unsigned char *data, unsigned int len) {
    struct picture *p = closure;
    unsigned char *more = realloc(p->png, p->bytes + len);
    if (!more) return CAIRO_STATUS_NO_MEMORY;
    memcpy(more + p->bytes, data, len);
    p->png = more;
    p->bytes += len;
    return CAIRO_STATUS_SUCCESS;
}

/* A window with a title bar, lines of "text" and a marked line. */
static void draw(cairo_t *c, struct dice *d) {
    static const double bars[PICTURES_N][3] = {{.13, .35, .62}, {.55, .16, .18}, {.12, .45, .35},
                                               {.35, .22, .52}, {.60, .40, .10}, {.20, .24, .30}};
    const double *bar = DICE_PICK(d, bars);
    cairo_set_source_rgb(c, .97, .97, .96);
    cairo_paint(c);
    cairo_set_source_rgb(c, bar[0], bar[1], bar[2]);
    cairo_rectangle(c, 0, 0, WIDTH, 14);
    cairo_fill(c);
    uint32_t marked = dice_below(d, 9);
    for (uint32_t line = 0; line < 9; line++) {
        double shade = line == marked ? .0 : .6;
        cairo_set_source_rgb(c, line == marked ? .80 : shade, shade, shade);
        cairo_rectangle(c, 8, 20 + line * 8.5, 30 + dice_below(d, 110), 4);
        cairo_fill(c);
    }
}

static bool make(struct picture *p, uint64_t number) {
    struct dice d = dice_of(7, 7, number);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    cairo_t *c = cairo_create(surface);
    draw(c, &d);
    cairo_destroy(c);
    bool ok = cairo_surface_write_to_png_stream(surface, append, p) == CAIRO_STATUS_SUCCESS;
    cairo_surface_destroy(surface);
    if (!ok) return false;
    sha256_hex(p->png, p->bytes, p->sha256);
    return true;
}

const struct picture *pictures(void) {
    static struct picture all[PICTURES_N];
    for (size_t i = 0; i < PICTURES_N; i++)
        if (!*all[i].sha256 && !make(&all[i], i)) return NULL;
    return all;
}
