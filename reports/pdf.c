#include "reports/pdf.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tz.h"
#include "reports/pdf_flow.h"
#include "reports/pdf_labels.h"
#include "reports/pdf_text.h"

/* Pango's font map and fontconfig are not safe to share between threads. */
static pthread_mutex_t rendering = PTHREAD_MUTEX_INITIALIZER;

struct writer {
    const struct report *report;
    struct flow *flow;
    struct tz *zone;
    bool ja;
    GPtrArray *texts; /* cleaned, alive until the document is done */
};

static const char *label(const struct writer *w, enum pdf_label name) { return pdf_label(name, w->ja); }

static const char *keep(struct writer *w, char *text) {
    g_ptr_array_add(w->texts, text);
    return text;
}

static const char *clean(struct writer *w, const char *text) {
    struct buf out;
    buf_init(&out, 10 * PDF_TEXT_MAX);
    text_clean(&out, text, label(w, LABEL_TEXT_CUT));
    const char *kept = keep(w, g_strdup(buf_text(&out)));
    buf_free(&out);
    return kept;
}

static const char *value(struct writer *w, const char *text) { return clean(w, pdf_value(text, w->ja)); }

static const char *format_time(struct writer *w, int64_t ms, const struct tz *zone) {
    if (ms <= 0) return "";
    int64_t s = ms / 1000;
    struct tm t = tz_local(zone, s);
    struct tz_offset offset = tz_offset_at(zone, s);
    char name[16];
    snprintf(name, sizeof name, "UTC%+03d:%02d", offset.seconds / 3600, abs(offset.seconds) / 60 % 60);
    bool lettered = offset.abbreviation[0] >= 'A';
    return keep(w, g_strdup_printf("%04d-%02d-%02d %02d:%02d:%02d %s", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                                   t.tm_hour, t.tm_min, t.tm_sec, lettered ? offset.abbreviation : name));
}

static const char *local_time(struct writer *w, int64_t ms) { return format_time(w, ms, w->zone); }

/* "2026-11-22 06:33:45 JST" and, on a second line, UTC. */
static const char *both_times(struct writer *w, int64_t ms) {
    if (ms <= 0) return "";
    scope_tz struct tz *utc = tz_open("UTC");
    const char *local = local_time(w, ms), *universal = utc ? format_time(w, ms, utc) : "";
    return strcmp(local, universal) ? keep(w, g_strdup_printf("%s\n%s", local, universal)) : local;
}

static const char *join(struct writer *w, const char *const *list, size_t n) {
    GString *all = g_string_new(NULL);
    for (size_t i = 0; i < n && all->len < PDF_TEXT_MAX; i++)
        g_string_append_printf(all, "%s%s", i ? "\n" : "", list[i] ? list[i] : "");
    const char *text = clean(w, all->str);
    g_string_free(all, TRUE);
    return text;
}

static uint32_t priority_colour(const char *priority) {
    if (priority && !strcmp(priority, "HIGH")) return RED;
    return priority && !strcmp(priority, "NORMAL") ? AMBER : BLUE;
}

static uint32_t response_colour(const char *status) {
    if (status && !strcmp(status, "Confirmed")) return GREEN;
    return status && !strcmp(status, "Declined") ? GREY : AMBER;
}

static bool filled(const char *text) { return text && *text; }

/* --- title --- */

static void write_title(struct writer *w) {
    const struct report *r = w->report;
    struct flow *flow = w->flow;
    char number[32];
    snprintf(number, sizeof number, "K-%lld", (long long)r->number);
    flow_box(flow, 0, 0, PAGE_WIDTH, 8, BRAND);
    double y = flow_y(flow) - 8;
    flow_label(flow, FACE_SUBHEADING, BRAND, MARGIN, y, label(w, LABEL_TITLE));
    const char *who = clean(w, r->organisation);
    double width = flow_label_width(flow, FACE_CELL, who);
    if (width < 260) flow_label(flow, FACE_CELL, GREY, PAGE_WIDTH - MARGIN - width, y + 2, who);
    flow_box(flow, MARGIN, y + 18.5, BODY_WIDTH, 0.75, BRAND);
    flow_skip(flow, 22.5);
    double x = MARGIN, top = flow_y(flow);
    x += flow_label(flow, FACE_HEADING, GREY, x, top, number) + 10;
    if (filled(r->priority)) {
        const char *badge = keep(w, g_strdup_printf("%s: %s", label(w, LABEL_PRIORITY), value(w, r->priority)));
        x += flow_badge(flow, priority_colour(r->priority), x, top + 2, badge, false) + 6;
    }
    if (filled(r->status)) x += flow_badge(flow, BRAND, x, top + 2, value(w, r->status), false);
    flow_skip(flow, 22);
    flow_paragraph(flow, &(struct paragraph){.face = FACE_TITLE, .ink = INK}, clean(w, r->summary), NULL);
    flow_gap(flow, 10);
}

/* --- key facts --- */

struct fact {
    enum pdf_label label;
    const char *text;
};

static struct cell key_cell(const char *text) { return (struct cell){text, FACE_CELL, GREY, NULL, true}; }
static struct cell text_cell(const char *text, enum face face) { return (struct cell){text, face, INK, NULL, false}; }

/* Two short facts in each row. */
static void write_short_facts(struct writer *w, const struct fact *facts, size_t n) {
    static const struct table TABLE = {.columns = 4, .widths = {19, 31, 19, 31}};
    struct cell cells[4];
    int filled_cells = 0;
    for (size_t i = 0; i < n; i++) {
        if (!filled(facts[i].text)) continue;
        cells[filled_cells++] = key_cell(label(w, facts[i].label));
        cells[filled_cells++] = text_cell(facts[i].text, FACE_CELL);
        if (filled_cells == 4) table_row(w->flow, &TABLE, cells), filled_cells = 0;
    }
    if (!filled_cells) return;
    cells[2] = cells[3] = text_cell("", FACE_CELL);
    table_row(w->flow, &TABLE, cells);
}

static void write_fact(struct writer *w, enum pdf_label name, const char *text, enum face face) {
    static const struct table TABLE = {.columns = 2, .widths = {19, 81}};
    if (filled(text)) table_row(w->flow, &TABLE, (struct cell[]){key_cell(label(w, name)), text_cell(text, face)});
}

static void write_facts(struct writer *w) {
    const struct report *r = w->report;
    const struct fact SHORT[] = {
        {LABEL_ORGANISATION, clean(w, r->organisation)},
        {LABEL_TENANT, clean(w, r->tenant)},
        {LABEL_STATUS, value(w, r->status)},
        {LABEL_RESOLUTION, value(w, r->resolution)},
        {LABEL_PRIORITY, value(w, r->priority)},
        {LABEL_ORIGIN, value(w, r->origin)},
        {LABEL_DETECTED, both_times(w, r->detected_ms)},
        {LABEL_CREATED, both_times(w, r->created_ms)},
        {LABEL_UPDATED, both_times(w, r->updated_ms)},
        {LABEL_STAGE, clean(w, r->attack_stage)},
    };
    flow_box(w->flow, MARGIN, flow_y(w->flow) - 0.5, BODY_WIDTH, 0.5, RULE);
    write_short_facts(w, SHORT, sizeof SHORT / sizeof *SHORT);
    write_fact(w, LABEL_HOSTS, join(w, r->hosts, r->hosts_n), FACE_MONO);
    write_fact(w, LABEL_TACTICS, join(w, r->tactics, r->tactics_n), FACE_CELL);
    write_fact(w, LABEL_TECHNIQUES, join(w, r->techniques, r->techniques_n), FACE_CELL);
    write_fact(w, LABEL_TECHNOLOGY, clean(w, r->detection_technology), FACE_CELL);
}

/* --- sections --- */

static void write_heading(struct writer *w, enum pdf_label name) {
    flow_gap(w->flow, 14);
    flow_need(w->flow, 80);
    flow_outline(w->flow, label(w, name));
    flow_box(w->flow, MARGIN, flow_y(w->flow) + 2, 3, 13, BRAND);
    flow_paragraph(w->flow, &(struct paragraph){.face = FACE_HEADING, .ink = BRAND, .indent = 9}, label(w, name), NULL);
    flow_gap(w->flow, 4);
}

static void write_text(struct writer *w, enum pdf_label name, const char *markdown) {
    if (!filled(markdown)) return;
    write_heading(w, name);
    text_markdown(w->flow, clean(w, markdown), 0);
}

static void write_iocs(struct writer *w, enum pdf_label name, const struct report_ioc *iocs, size_t n) {
    const struct table table = {
        .columns = 3,
        .widths = {14, 64, 22},
        .heads = {label(w, LABEL_IOC_TYPE), label(w, LABEL_IOC_VALUE), label(w, LABEL_IOC_DESCRIPTION)}};
    if (!n) return;
    write_heading(w, name);
    table_head(w->flow, &table);
    for (size_t i = 0; i < n && !flow_full(w->flow); i++)
        table_row(w->flow, &table,
                  (struct cell[]){text_cell(value(w, iocs[i].type), FACE_CELL),
                                  text_cell(clean(w, iocs[i].value), FACE_MONO),
                                  text_cell(clean(w, iocs[i].description), FACE_CELL)});
}

/* A strip with a bold text at the left, another behind it and a badge at the right, kept with what follows.
 * A bold text that is too wide stands below the strip. */
static void write_strip(struct writer *w, const char *bold, const char *rest, const char *badge, uint32_t colour) {
    flow_need(w->flow, 60);
    double y = flow_y(w->flow), x = MARGIN + 7, taken = 14;
    flow_box(w->flow, MARGIN, y, BODY_WIDTH, 18, SHADE);
    if (filled(badge)) taken += flow_badge(w->flow, colour, PAGE_WIDTH - MARGIN - 4, y + 2.5, badge, true) + 8;
    bool fits = flow_label_width(w->flow, FACE_CELL_BOLD, bold) + flow_label_width(w->flow, FACE_CELL, rest) + 10 <
                BODY_WIDTH - taken;
    if (fits) x += flow_label(w->flow, FACE_CELL_BOLD, INK, x, y + 3, bold) + 10;
    if (filled(rest)) flow_label(w->flow, FACE_CELL, GREY, x, y + 3, rest);
    flow_skip(w->flow, 18);
    if (!fits)
        flow_paragraph(w->flow, &(struct paragraph){.face = FACE_CELL_BOLD, .ink = INK, .indent = 7}, bold, NULL);
}

static void write_response(struct writer *w, const struct report_response *response) {
    flow_need(w->flow, 185); /* a usual card stays on one page */
    const char *type = clean(w, response->type), *title = value(w, response->type);
    write_strip(w, title, strcmp(type, title) ? type : "", value(w, response->status),
                response_colour(response->status));
    write_fact(w, LABEL_ASSET, clean(w, response->asset), FACE_MONO);
    write_fact(w, LABEL_DESCRIPTION, clean(w, response->description), FACE_CELL);
    write_fact(w, LABEL_PARAMETERS, clean(w, response->parameters), FACE_MONO);
    write_fact(w, LABEL_PROPOSED, local_time(w, response->created_ms), FACE_CELL);
    write_fact(w, LABEL_DECIDED, local_time(w, response->decided_ms), FACE_CELL);
    write_fact(w, LABEL_DECIDED_BY, clean(w, response->decided_by), FACE_CELL);
    write_fact(w, LABEL_COMMENT, clean(w, response->comment), FACE_CELL);
    write_fact(w, LABEL_EXECUTION, clean(w, response->execution), FACE_CELL);
    flow_gap(w->flow, 9);
}

static void write_responses(struct writer *w) {
    if (!w->report->responses_n) return;
    write_heading(w, LABEL_RESPONSES);
    for (size_t i = 0; i < w->report->responses_n && !flow_full(w->flow); i++)
        write_response(w, &w->report->responses[i]);
}

static const char *file_size(struct writer *w, int64_t bytes) {
    if (bytes < 1024) return keep(w, g_strdup_printf("%lld B", (long long)bytes));
    if (bytes < 1048576) return keep(w, g_strdup_printf("%.1f KiB", (double)bytes / 1024));
    return keep(w, g_strdup_printf("%.1f MiB", (double)bytes / 1048576));
}

static void write_message(struct writer *w, const struct report_message *message) {
    const char *rest =
        keep(w, g_strdup_printf("%s  \u00b7  %s", value(w, message->origin), local_time(w, message->time_ms)));
    write_strip(w, clean(w, message->author), rest, NULL, 0);
    flow_gap(w->flow, 4);
    if (filled(message->file_name)) {
        const char *line = keep(w, g_strdup_printf("%s: %s (%s)", label(w, LABEL_ATTACHMENT),
                                                   clean(w, message->file_name), file_size(w, message->file_bytes)));
        flow_paragraph(w->flow, &(struct paragraph){.face = FACE_CELL, .ink = BRAND, .indent = 7}, line, NULL);
    }
    text_markdown(w->flow, clean(w, message->text), 7);
    flow_gap(w->flow, 5);
}

static void write_messages(struct writer *w) {
    if (!w->report->messages_n) return;
    write_heading(w, LABEL_CHAT);
    for (size_t i = 0; i < w->report->messages_n && !flow_full(w->flow); i++) write_message(w, &w->report->messages[i]);
}

static void write_report(struct writer *w) {
    const struct report *r = w->report;
    write_title(w);
    write_facts(w);
    write_text(w, LABEL_DESCRIPTION, r->description);
    write_text(w, LABEL_CLIENT_DESCRIPTION, r->client_description);
    write_text(w, LABEL_RECOMMENDATIONS, r->recommendations);
    write_text(w, LABEL_STATUS_DESCRIPTION, r->status_description);
    write_iocs(w, LABEL_HOST_IOCS, r->host_iocs, r->host_iocs_n);
    write_iocs(w, LABEL_NETWORK_IOCS, r->network_iocs, r->network_iocs_n);
    write_responses(w);
    write_messages(w);
}

static enum err finish(struct writer *w, struct buf *out) {
    const struct report *r = w->report;
    char created[80];
    struct tm t = tz_local(w->zone, r->generated_ms / 1000);
    int east = tz_offset_at(w->zone, r->generated_ms / 1000).seconds;
    snprintf(created, sizeof created, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", t.tm_year + 1900, t.tm_mon + 1,
             t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, east < 0 ? '-' : '+', abs(east) / 3600, abs(east) / 60 % 60);
    struct flow_text text = {
        .title = keep(w, g_strdup_printf("K-%lld %s", (long long)r->number, clean(w, r->summary))),
        .author = clean(w, r->organisation),
        .footer = keep(w, g_strdup_printf("K-%lld  \u00b7  %s %s", (long long)r->number, label(w, LABEL_GENERATED),
                                          local_time(w, r->generated_ms))),
        .page_word = label(w, LABEL_PAGE),
        .shortened = label(w, LABEL_SHORTENED),
        .created = created,
    };
    return flow_write(w->flow, &text, out);
}

static enum err render(const struct report *report, struct tz *zone, struct buf *out) {
    bool ja = report->language && !strcmp(report->language, "ja");
    struct flow *flow = flow_new(ja ? "ja" : "en");
    if (!flow) return ERR_INTERNAL;
    struct writer w = {report, flow, zone, ja, g_ptr_array_new_with_free_func(g_free)};
    write_report(&w);
    enum err result = finish(&w, out);
    flow_free(flow);
    g_ptr_array_free(w.texts, TRUE);
    return result;
}

enum err report_pdf(const struct report *report, struct buf *out) {
    scope_tz struct tz *zone = tz_open(report->timezone);
    if (!zone) zone = tz_open("UTC");
    if (!zone) return ERR_INTERNAL;
    pthread_mutex_lock(&rendering);
    enum err result = render(report, zone, out);
    pthread_mutex_unlock(&rendering);
    return result;
}
