#include "reports/pdf.h"

#include <stdio.h>
#include <string.h>

#include "reports/pdf_text.h"
#include "reports/pdf_writer.h"

/* "2026-11-22 06:33:45 JST" and, on a second line, UTC. */
static const char *both_times(struct writer *w, int64_t ms) {
    if (ms <= 0) return "";
    scope_tz struct tz *utc = tz_open("UTC");
    const char *local = writer_time(w, ms), *universal = utc ? writer_time_in(w, ms, utc) : "";
    return strcmp(local, universal) ? writer_keep(w, g_strdup_printf("%s\n%s", local, universal)) : local;
}

static const char *join(struct writer *w, const char *const *list, size_t n) {
    GString *all = g_string_new(NULL);
    for (size_t i = 0; i < n && all->len < PDF_TEXT_MAX; i++)
        g_string_append_printf(all, "%s%s", i ? "\n" : "", list[i] ? list[i] : "");
    const char *text = writer_clean(w, all->str);
    g_string_free(all, TRUE);
    return text;
}

static uint32_t response_colour(const char *status) {
    if (status && !strcmp(status, "Confirmed")) return GREEN;
    return status && !strcmp(status, "Declined") ? GREY : AMBER;
}

/* --- title --- */

static void write_title(struct writer *w, const struct report *r) {
    struct flow *flow = w->flow;
    char number[32];
    snprintf(number, sizeof number, "K-%lld", (long long)r->number);
    writer_banner(w, LABEL_TITLE, r->organisation);
    double x = MARGIN, top = flow_y(flow);
    x += flow_label(flow, FACE_HEADING, GREY, x, top, number) + 10;
    if (writer_filled(r->priority)) {
        const char *badge =
            writer_keep(w, g_strdup_printf("%s: %s", writer_label(w, LABEL_PRIORITY), writer_value(w, r->priority)));
        x += flow_badge(flow, priority_colour(r->priority), x, top + 2, badge, false) + 6;
    }
    if (writer_filled(r->status)) x += flow_badge(flow, BRAND, x, top + 2, writer_value(w, r->status), false);
    flow_skip(flow, 22);
    flow_paragraph(flow, &(struct paragraph){.face = FACE_TITLE, .ink = INK}, writer_clean(w, r->summary), NULL);
    flow_gap(flow, 10);
}

/* --- key facts --- */

struct fact {
    enum pdf_label label;
    const char *text;
};

/* Two short facts in each row. */
static void write_short_facts(struct writer *w, const struct fact *facts, size_t n) {
    static const struct table TABLE = {.columns = 4, .widths = {19, 31, 19, 31}};
    struct cell cells[4];
    int filled_cells = 0;
    for (size_t i = 0; i < n; i++) {
        if (!writer_filled(facts[i].text)) continue;
        cells[filled_cells++] = key_cell(writer_label(w, facts[i].label));
        cells[filled_cells++] = text_cell(facts[i].text, FACE_CELL);
        if (filled_cells == 4) table_row(w->flow, &TABLE, cells), filled_cells = 0;
    }
    if (!filled_cells) return;
    cells[2] = cells[3] = text_cell("", FACE_CELL);
    table_row(w->flow, &TABLE, cells);
}

static void write_fact(struct writer *w, enum pdf_label name, const char *text, enum face face) {
    static const struct table TABLE = {.columns = 2, .widths = {19, 81}};
    if (writer_filled(text))
        table_row(w->flow, &TABLE, (struct cell[]){key_cell(writer_label(w, name)), text_cell(text, face)});
}

static void write_facts(struct writer *w, const struct report *r) {
    const struct fact SHORT[] = {
        {LABEL_ORGANISATION, writer_clean(w, r->organisation)},
        {LABEL_TENANT, writer_clean(w, r->tenant)},
        {LABEL_STATUS, writer_value(w, r->status)},
        {LABEL_RESOLUTION, writer_value(w, r->resolution)},
        {LABEL_PRIORITY, writer_value(w, r->priority)},
        {LABEL_ORIGIN, writer_value(w, r->origin)},
        {LABEL_DETECTED, both_times(w, r->detected_ms)},
        {LABEL_CREATED, both_times(w, r->created_ms)},
        {LABEL_UPDATED, both_times(w, r->updated_ms)},
        {LABEL_STAGE, writer_clean(w, r->attack_stage)},
    };
    flow_box(w->flow, MARGIN, flow_y(w->flow) - 0.5, BODY_WIDTH, 0.5, RULE);
    write_short_facts(w, SHORT, sizeof SHORT / sizeof *SHORT);
    write_fact(w, LABEL_HOSTS, join(w, r->hosts, r->hosts_n), FACE_MONO);
    write_fact(w, LABEL_TACTICS, join(w, r->tactics, r->tactics_n), FACE_CELL);
    write_fact(w, LABEL_TECHNIQUES, join(w, r->techniques, r->techniques_n), FACE_CELL);
    write_fact(w, LABEL_TECHNOLOGY, writer_clean(w, r->detection_technology), FACE_CELL);
}

/* --- sections --- */

static void write_text(struct writer *w, enum pdf_label name, const char *markdown) {
    if (!writer_filled(markdown)) return;
    writer_heading(w, name);
    text_markdown(w->flow, writer_clean(w, markdown), 0);
}

static void write_iocs(struct writer *w, enum pdf_label name, const struct report_ioc *iocs, size_t n) {
    const struct table table = {.columns = 3,
                                .widths = {14, 64, 22},
                                .heads = {writer_label(w, LABEL_IOC_TYPE), writer_label(w, LABEL_IOC_VALUE),
                                          writer_label(w, LABEL_IOC_DESCRIPTION)}};
    if (!n) return;
    writer_heading(w, name);
    table_head(w->flow, &table);
    for (size_t i = 0; i < n && !flow_full(w->flow); i++)
        table_row(w->flow, &table,
                  (struct cell[]){text_cell(writer_value(w, iocs[i].type), FACE_CELL),
                                  text_cell(writer_clean(w, iocs[i].value), FACE_MONO),
                                  text_cell(writer_clean(w, iocs[i].description), FACE_CELL)});
}

/* A strip with a bold text at the left, another behind it and a badge at the right, kept with what follows.
 * A bold text that is too wide stands below the strip. */
static void write_strip(struct writer *w, const char *bold, const char *rest, const char *badge, uint32_t colour) {
    flow_need(w->flow, 60);
    double y = flow_y(w->flow), x = MARGIN + 7, taken = 14;
    flow_box(w->flow, MARGIN, y, BODY_WIDTH, 18, SHADE);
    if (writer_filled(badge)) taken += flow_badge(w->flow, colour, PAGE_WIDTH - MARGIN - 4, y + 2.5, badge, true) + 8;
    bool fits = flow_label_width(w->flow, FACE_CELL_BOLD, bold) + flow_label_width(w->flow, FACE_CELL, rest) + 10 <
                BODY_WIDTH - taken;
    if (fits) x += flow_label(w->flow, FACE_CELL_BOLD, INK, x, y + 3, bold) + 10;
    if (writer_filled(rest)) flow_label(w->flow, FACE_CELL, GREY, x, y + 3, rest);
    flow_skip(w->flow, 18);
    if (!fits)
        flow_paragraph(w->flow, &(struct paragraph){.face = FACE_CELL_BOLD, .ink = INK, .indent = 7}, bold, NULL);
}

static void write_response(struct writer *w, const struct report_response *response) {
    flow_need(w->flow, 185); /* a usual card stays on one page */
    const char *type = writer_clean(w, response->type), *title = writer_value(w, response->type);
    write_strip(w, title, strcmp(type, title) ? type : "", writer_value(w, response->status),
                response_colour(response->status));
    write_fact(w, LABEL_ASSET, writer_clean(w, response->asset), FACE_MONO);
    write_fact(w, LABEL_DESCRIPTION, writer_clean(w, response->description), FACE_CELL);
    write_fact(w, LABEL_PARAMETERS, writer_clean(w, response->parameters), FACE_MONO);
    write_fact(w, LABEL_PROPOSED, writer_time(w, response->created_ms), FACE_CELL);
    write_fact(w, LABEL_DECIDED, writer_time(w, response->decided_ms), FACE_CELL);
    write_fact(w, LABEL_DECIDED_BY, writer_clean(w, response->decided_by), FACE_CELL);
    write_fact(w, LABEL_COMMENT, writer_clean(w, response->comment), FACE_CELL);
    write_fact(w, LABEL_EXECUTION, writer_clean(w, response->execution), FACE_CELL);
    flow_gap(w->flow, 9);
}

static void write_responses(struct writer *w, const struct report *r) {
    if (!r->responses_n) return;
    writer_heading(w, LABEL_RESPONSES);
    for (size_t i = 0; i < r->responses_n && !flow_full(w->flow); i++) write_response(w, &r->responses[i]);
}

static const char *file_size(struct writer *w, int64_t bytes) {
    if (bytes < 1024) return writer_keep(w, g_strdup_printf("%lld B", (long long)bytes));
    if (bytes < 1048576) return writer_keep(w, g_strdup_printf("%.1f KiB", (double)bytes / 1024));
    return writer_keep(w, g_strdup_printf("%.1f MiB", (double)bytes / 1048576));
}

static void write_message(struct writer *w, const struct report_message *message) {
    const char *rest = writer_keep(
        w, g_strdup_printf("%s  \u00b7  %s", writer_value(w, message->origin), writer_time(w, message->time_ms)));
    write_strip(w, writer_clean(w, message->author), rest, NULL, 0);
    flow_gap(w->flow, 4);
    if (writer_filled(message->file_name)) {
        const char *line =
            writer_keep(w, g_strdup_printf("%s: %s (%s)", writer_label(w, LABEL_ATTACHMENT),
                                           writer_clean(w, message->file_name), file_size(w, message->file_bytes)));
        flow_paragraph(w->flow, &(struct paragraph){.face = FACE_CELL, .ink = BRAND, .indent = 7}, line, NULL);
    }
    text_markdown(w->flow, writer_clean(w, message->text), 7);
    flow_gap(w->flow, 5);
}

static void write_messages(struct writer *w, const struct report *r) {
    if (!r->messages_n) return;
    writer_heading(w, LABEL_CHAT);
    for (size_t i = 0; i < r->messages_n && !flow_full(w->flow); i++) write_message(w, &r->messages[i]);
}

static void write_report(struct writer *w, const void *content, struct document *document) {
    const struct report *r = content;
    write_title(w, r);
    write_facts(w, r);
    write_text(w, LABEL_DESCRIPTION, r->description);
    write_text(w, LABEL_CLIENT_DESCRIPTION, r->client_description);
    write_text(w, LABEL_RECOMMENDATIONS, r->recommendations);
    write_text(w, LABEL_STATUS_DESCRIPTION, r->status_description);
    write_iocs(w, LABEL_HOST_IOCS, r->host_iocs, r->host_iocs_n);
    write_iocs(w, LABEL_NETWORK_IOCS, r->network_iocs, r->network_iocs_n);
    write_responses(w, r);
    write_messages(w, r);
    const char *number = writer_keep(w, g_strdup_printf("K-%lld", (long long)r->number));
    *document = (struct document){
        .title = writer_keep(w, g_strdup_printf("%s %s", number, writer_clean(w, r->summary))),
        .author = writer_clean(w, r->organisation),
        .footer = number,
        .generated_ms = r->generated_ms,
    };
}

enum err report_pdf(const struct report *report, struct buf *out) {
    return writer_run(report->language, report->timezone, write_report, report, out);
}
