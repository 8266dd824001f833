#include "reports/pdf_writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/pdf.h"
#include "reports/pdf_text.h"

/* Pango's font map and fontconfig are not safe to share between threads. */
static pthread_mutex_t rendering = PTHREAD_MUTEX_INITIALIZER;

const char *writer_label(const struct writer *w, enum pdf_label name) { return pdf_label(name, w->ja); }

const char *writer_keep(struct writer *w, char *text) {
    g_ptr_array_add(w->texts, text);
    return text;
}

const char *writer_clean(struct writer *w, const char *text) {
    struct buf out;
    buf_init(&out, 10 * PDF_TEXT_MAX);
    text_clean(&out, text, writer_label(w, LABEL_TEXT_CUT));
    const char *kept = writer_keep(w, g_strdup(buf_text(&out)));
    buf_free(&out);
    return kept;
}

const char *writer_value(struct writer *w, const char *text) { return writer_clean(w, pdf_value(text, w->ja)); }

const char *writer_time_in(struct writer *w, int64_t ms, const struct tz *zone) {
    if (ms <= 0) return "";
    int64_t s = ms / 1000;
    struct tm t = tz_local(zone, s);
    struct tz_offset offset = tz_offset_at(zone, s);
    char name[16];
    snprintf(name, sizeof name, "UTC%+03d:%02d", offset.seconds / 3600, abs(offset.seconds) / 60 % 60);
    bool lettered = offset.abbreviation[0] >= 'A';
    return writer_keep(w, g_strdup_printf("%04d-%02d-%02d %02d:%02d:%02d %s", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                                          t.tm_hour, t.tm_min, t.tm_sec, lettered ? offset.abbreviation : name));
}

const char *writer_time(struct writer *w, int64_t ms) { return writer_time_in(w, ms, w->zone); }

uint32_t priority_colour(const char *priority) {
    if (priority && !strcmp(priority, "HIGH")) return RED;
    return priority && !strcmp(priority, "NORMAL") ? AMBER : BLUE;
}

void writer_banner(struct writer *w, enum pdf_label what, const char *organisation) {
    struct flow *flow = w->flow;
    flow_box(flow, 0, 0, PAGE_WIDTH, 8, BRAND);
    double y = flow_y(flow) - 8;
    flow_label(flow, FACE_SUBHEADING, BRAND, MARGIN, y, writer_label(w, what));
    const char *who = writer_clean(w, organisation);
    double width = flow_label_width(flow, FACE_CELL, who);
    if (width < 260) flow_label(flow, FACE_CELL, GREY, PAGE_WIDTH - MARGIN - width, y + 2, who);
    flow_box(flow, MARGIN, y + 18.5, BODY_WIDTH, 0.75, BRAND);
    flow_skip(flow, 22.5);
}

void writer_heading(struct writer *w, enum pdf_label name) {
    flow_gap(w->flow, 14);
    flow_need(w->flow, 80);
    flow_outline(w->flow, writer_label(w, name));
    flow_box(w->flow, MARGIN, flow_y(w->flow) + 2, 3, 13, BRAND);
    flow_paragraph(w->flow, &(struct paragraph){.face = FACE_HEADING, .ink = BRAND, .indent = 9}, writer_label(w, name),
                   NULL);
    flow_gap(w->flow, 4);
}

/* --- the frame --- */

static enum err finish(struct writer *w, const struct document *d, struct buf *out) {
    char created[80];
    struct tm t = tz_local(w->zone, d->generated_ms / 1000);
    int east = tz_offset_at(w->zone, d->generated_ms / 1000).seconds;
    snprintf(created, sizeof created, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", t.tm_year + 1900, t.tm_mon + 1,
             t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, east < 0 ? '-' : '+', abs(east) / 3600, abs(east) / 60 % 60);
    struct flow_text text = {
        .title = d->title,
        .author = d->author,
        .footer = writer_keep(w, g_strdup_printf("%s  \u00b7  %s %s", d->footer, writer_label(w, LABEL_GENERATED),
                                                 writer_time(w, d->generated_ms))),
        .page_word = writer_label(w, LABEL_PAGE),
        .shortened = writer_label(w, LABEL_SHORTENED),
        .created = created,
    };
    return flow_write(w->flow, &text, out);
}

static enum err render(bool ja, struct tz *zone, document_write *write, const void *content, struct buf *out) {
    struct document document = {0};
    struct flow *flow = flow_new(ja ? "ja" : "en");
    if (!flow) return ERR_INTERNAL;
    struct writer w = {flow, zone, ja, g_ptr_array_new_with_free_func(g_free)};
    write(&w, content, &document);
    enum err result = finish(&w, &document, out);
    flow_free(flow);
    g_ptr_array_free(w.texts, TRUE);
    return result;
}

enum err writer_run(const char *language, const char *timezone, document_write *write, const void *content,
                    struct buf *out) {
    scope_tz struct tz *zone = tz_open(timezone);
    if (!zone) zone = tz_open("UTC");
    if (!zone) return ERR_INTERNAL;
    pthread_mutex_lock(&rendering);
    enum err result = render(language && !strcmp(language, "ja"), zone, write, content, out);
    pthread_mutex_unlock(&rendering);
    return result;
}
