#include "reports/period_pdf.h"

#include <stdio.h>
#include <string.h>

#include "reports/pdf_writer.h"

int64_t period_incidents(const struct period_report *report, enum incident_column column) {
    int64_t sum = 0;
    for (int i = 0; i < PRIORITIES; i++) sum += report->incidents[i][column];
    return sum;
}

static void add_date(const struct tz *zone, int64_t s, char *out, size_t size) {
    struct tm t = tz_local(zone, s);
    snprintf(out, size, "%04d-%02d-%02d", (t.tm_year + 1900) % 10000, (t.tm_mon + 1) % 100, t.tm_mday % 100);
}

void period_text(const char *timezone, int64_t from_ms, int64_t to_ms, char *out) {
    char first[16], last[16];
    scope_tz struct tz *zone = tz_open(timezone);
    if (!zone) zone = tz_open("UTC");
    add_date(zone, from_ms / 1000, first, sizeof first);
    add_date(zone, to_ms / 1000 - 1, last, sizeof last);
    if (!strcmp(first, last))
        snprintf(out, PERIOD_TEXT_BYTES, "%s", first);
    else
        snprintf(out, PERIOD_TEXT_BYTES, "%s \u2013 %s", first, last);
}

static const char *number(struct writer *w, int64_t n) {
    char digits[24], out[32];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return writer_keep(w, g_strdup(out));
}

/* Zero is a dot: what matters in a table of counts are the others. */
static struct cell count_cell(struct writer *w, int64_t n, enum face face) {
    return n ? text_cell(number(w, n), face) : (struct cell){"\u00b7", face, GREY, NULL, false};
}

/* --- title --- */

static enum pdf_label type_label(const char *type) {
    if (type && !strcmp(type, "daily")) return LABEL_DAILY;
    return type && !strcmp(type, "weekly") ? LABEL_WEEKLY : LABEL_MONTHLY;
}

static void write_title(struct writer *w, const struct period_report *r) {
    static const struct table TABLE = {.columns = 2, .widths = {19, 81}};
    char period[PERIOD_TEXT_BYTES];
    period_text(r->timezone, r->from_ms, r->to_ms, period);
    writer_banner(w, LABEL_PERIOD_TITLE, r->organisation);
    flow_paragraph(w->flow, &(struct paragraph){.face = FACE_HEADING, .ink = GREY},
                   writer_label(w, type_label(r->type)), NULL);
    flow_paragraph(w->flow, &(struct paragraph){.face = FACE_TITLE, .ink = INK}, writer_keep(w, g_strdup(period)),
                   NULL);
    flow_gap(w->flow, 8);
    const char *exact =
        writer_keep(w, g_strdup_printf("%s \u2013 %s", writer_time(w, r->from_ms), writer_time(w, r->to_ms)));
    flow_box(w->flow, MARGIN, flow_y(w->flow) - 0.5, BODY_WIDTH, 0.5, RULE);
    const struct {
        enum pdf_label name;
        const char *text;
    } FACTS[] = {{LABEL_ORGANISATION, writer_clean(w, r->organisation)},
                 {LABEL_TENANTS, r->tenants ? writer_clean(w, r->tenants) : writer_label(w, LABEL_ALL_TENANTS)},
                 {LABEL_PERIOD, exact},
                 {LABEL_SCHEDULE, writer_clean(w, r->schedule)}};
    for (size_t i = 0; i < sizeof FACTS / sizeof *FACTS; i++)
        table_row(w->flow, &TABLE,
                  (struct cell[]){key_cell(writer_label(w, FACTS[i].name)), text_cell(FACTS[i].text, FACE_CELL)});
    flow_gap(w->flow, 14);
}

static void write_tiles(struct writer *w, const struct period_report *r) {
    enum { TILES = 4, GAP = 9, HEIGHT = 52 };
    const double width = (BODY_WIDTH - (TILES - 1.0) * GAP) / TILES, y = flow_y(w->flow);
    const int64_t open = period_incidents(r, COUNT_OPEN) + period_incidents(r, COUNT_ON_HOLD),
                  high = r->incidents[PRIORITY_HIGH][COUNT_ALL];
    const struct {
        enum pdf_label name;
        int64_t n;
        uint32_t colour;
    } TILE[TILES] = {{LABEL_TILE_INCIDENTS, period_incidents(r, COUNT_ALL), BRAND},
                     {LABEL_TILE_HIGH, high, high ? RED : GREEN},
                     {LABEL_TILE_OPEN, open, open ? AMBER : GREEN},
                     {LABEL_TILE_WAITING, r->responses_waiting, r->responses_waiting ? AMBER : GREEN}};
    for (int i = 0; i < TILES; i++) {
        double x = MARGIN + i * (width + GAP);
        flow_box(w->flow, x, y, width, HEIGHT, SHADE);
        flow_box(w->flow, x, y, 3, HEIGHT, TILE[i].colour);
        flow_label(w->flow, FACE_TITLE, TILE[i].n ? TILE[i].colour : INK, x + 12, y + 7, number(w, TILE[i].n));
        flow_label(w->flow, FACE_SMALL, GREY, x + 12, y + 33, writer_label(w, TILE[i].name));
    }
    flow_skip(w->flow, HEIGHT);
}

/* --- incidents --- */

static void write_note(struct writer *w, const char *text) {
    flow_paragraph(w->flow, &(struct paragraph){.face = FACE_CELL, .ink = GREY}, text, NULL);
}

static void write_count_row(struct writer *w, const struct table *table, const char *name, const int64_t *counts,
                            enum face face) {
    struct cell cells[COLUMNS_MAX] = {text_cell(name, FACE_CELL_BOLD)};
    for (int i = 0; i < INCIDENT_COUNTS; i++) cells[i + 1] = count_cell(w, counts[i], i ? face : FACE_CELL_BOLD);
    table_row(w->flow, table, cells);
}

static void write_counts(struct writer *w, const struct period_report *r) {
    static const char *const NAMES[PRIORITIES] = {"HIGH", "NORMAL", "LOW"};
    const struct table table = {
        .columns = 1 + INCIDENT_COUNTS,
        .widths = {15, 9, 10, 10, 11, 11, 12, 12, 10},
        .heads = {writer_label(w, LABEL_PRIORITY), writer_label(w, LABEL_TOTAL), writer_value(w, "Open"),
                  writer_value(w, "On hold"), writer_value(w, "Resolved"), writer_value(w, "Closed"),
                  writer_value(w, "False positive"), writer_value(w, "True positive"), writer_value(w, "Other")}};
    int64_t sums[INCIDENT_COUNTS];
    writer_heading(w, LABEL_INCIDENTS);
    write_note(w, writer_label(w, LABEL_INCIDENTS_NOTE));
    flow_gap(w->flow, 4);
    table_head(w->flow, &table);
    for (int i = 0; i < PRIORITIES; i++)
        write_count_row(w, &table, writer_value(w, NAMES[i]), r->incidents[i], FACE_CELL);
    for (int i = 0; i < INCIDENT_COUNTS; i++) sums[i] = period_incidents(r, (enum incident_column)i);
    write_count_row(w, &table, writer_label(w, LABEL_TOTAL), sums, FACE_CELL_BOLD);
}

/* "Closed" above "True positive". */
static const char *state_text(struct writer *w, const struct period_incident *incident) {
    const char *status = writer_value(w, incident->status);
    if (!writer_filled(incident->resolution)) return status;
    return writer_keep(w, g_strdup_printf("%s\n%s", status, writer_value(w, incident->resolution)));
}

static const char *short_time(struct writer *w, int64_t ms) {
    struct tm t = tz_local(w->zone, ms / 1000);
    return writer_keep(w, g_strdup_printf("%04d-%02d-%02d\n%02d:%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
                                          t.tm_hour, t.tm_min));
}

static void write_incident(struct writer *w, const struct table *table, const struct period_incident *incident) {
    struct cell priority = text_cell(writer_value(w, incident->priority), FACE_CELL_BOLD);
    priority.ink = priority_colour(incident->priority);
    table_row(
        w->flow, table,
        (struct cell[]){text_cell(writer_keep(w, g_strdup_printf("K-%lld", (long long)incident->number)), FACE_CELL),
                        text_cell(writer_clean(w, incident->summary), FACE_CELL), priority,
                        text_cell(state_text(w, incident), FACE_CELL),
                        text_cell(short_time(w, incident->created_ms), FACE_CELL),
                        text_cell(writer_clean(w, incident->hosts), FACE_CELL)});
}

static void write_list(struct writer *w, const struct period_report *r) {
    const struct table table = {.columns = 6,
                                .widths = {11, 31, 9, 14, 12.5, 22.5},
                                .heads = {writer_label(w, LABEL_NUMBER), writer_label(w, LABEL_SUMMARY),
                                          writer_label(w, LABEL_PRIORITY), writer_label(w, LABEL_STATUS),
                                          writer_label(w, LABEL_CREATED), writer_label(w, LABEL_HOSTS_SHORT)}};
    writer_heading(w, LABEL_INCIDENT_LIST);
    if (!r->list_n) {
        write_note(w, writer_label(w, LABEL_NO_INCIDENTS));
        return;
    }
    table_head(w->flow, &table);
    for (size_t i = 0; i < r->list_n && !flow_full(w->flow); i++) write_incident(w, &table, &r->list[i]);
    int64_t more = period_incidents(r, COUNT_ALL) - (int64_t)r->list_n;
    if (more <= 0) return;
    flow_gap(w->flow, 4);
    write_note(w, writer_keep(w, g_strdup_printf(writer_label(w, LABEL_AND_MORE), number(w, more))));
}

/* --- assets --- */

static void write_bar(struct writer *w, const char *name, int64_t n, int64_t all, uint32_t colour) {
    enum { NAME_WIDTH = 110, COUNT_WIDTH = 90, HEIGHT = 16 };
    const double room = BODY_WIDTH - NAME_WIDTH - COUNT_WIDTH, share = all ? (double)n / (double)all : 0;
    flow_need(w->flow, HEIGHT);
    double y = flow_y(w->flow), left = MARGIN + NAME_WIDTH;
    flow_label(w->flow, FACE_CELL, INK, MARGIN, y + 2, name);
    flow_box(w->flow, left, y + 3, room, 10, SHADE);
    if (n) flow_box(w->flow, left, y + 3, room * share > 1.5 ? room * share : 1.5, 10, colour);
    const char *text = writer_keep(w, g_strdup_printf("%s  (%.0f %%)", number(w, n), share * 100));
    flow_label(w->flow, FACE_CELL, INK, left + room + 8, y + 2, text);
    flow_skip(w->flow, HEIGHT);
}

static void write_assets(struct writer *w, const struct period_report *r) {
    static const struct {
        const char *name;
        uint32_t colour;
    } ROW[ASSET_ROWS] = {{"OK", GREEN}, {"WARNING", AMBER}, {"CRITICAL", RED}, {"OFFLINE", GREY}, {"ABSENT", 0xa3adb8}};
    int64_t all = 0;
    for (int i = 0; i < ASSET_ROWS; i++) all += r->assets[i];
    flow_need(w->flow, 150);
    writer_heading(w, LABEL_ASSETS);
    write_note(w, writer_keep(w, g_strdup_printf(writer_label(w, LABEL_ASSETS_NOTE), number(w, all),
                                                 writer_time(w, r->generated_ms))));
    flow_gap(w->flow, 4);
    for (int i = 0; i < ASSET_ROWS; i++)
        if (i != ASSETS_ABSENT || r->assets[i])
            write_bar(w, writer_value(w, ROW[i].name), r->assets[i], all, ROW[i].colour);
}

/* --- responses --- */

static void write_decider(struct writer *w, const struct table *table, enum pdf_label name, const int64_t *counts) {
    table_row(w->flow, table,
              (struct cell[]){text_cell(writer_label(w, name), FACE_CELL_BOLD),
                              count_cell(w, counts[DECISION_CONFIRMED], FACE_CELL),
                              count_cell(w, counts[DECISION_DECLINED], FACE_CELL)});
}

static void write_executions(struct writer *w, const struct period_report *r) {
    if (!r->executions_n) return;
    GString *text = g_string_new(writer_label(w, LABEL_EXECUTION));
    for (size_t i = 0; i < r->executions_n; i++)
        g_string_append_printf(text, "%s %s %s", i ? "," : ":", writer_value(w, r->executions[i].state),
                               number(w, r->executions[i].n));
    flow_gap(w->flow, 4);
    write_note(w, writer_keep(w, g_string_free(text, FALSE)));
}

static void write_responses(struct writer *w, const struct period_report *r) {
    static const enum pdf_label NAMES[DECIDERS] = {LABEL_BY_PEOPLE, LABEL_BY_RULES, LABEL_BY_DEADLINE};
    const struct table table = {
        .columns = 3,
        .widths = {50, 25, 25},
        .heads = {writer_label(w, LABEL_DECIDED_BY), writer_value(w, "Confirmed"), writer_value(w, "Declined")}};
    int64_t all = r->responses_undecided;
    for (int i = 0; i < DECIDERS; i++) all += r->responses[i][DECISION_CONFIRMED] + r->responses[i][DECISION_DECLINED];
    flow_need(w->flow, 130);
    writer_heading(w, LABEL_RESPONSES);
    write_note(w, writer_keep(w, g_strdup_printf(writer_label(w, LABEL_RESPONSES_NOTE), number(w, all),
                                                 number(w, r->responses_undecided))));
    flow_gap(w->flow, 4);
    table_head(w->flow, &table);
    for (int i = 0; i < DECIDERS; i++) write_decider(w, &table, NAMES[i], r->responses[i]);
    write_executions(w, r);
}

/* --- all of it --- */

static void write_period(struct writer *w, const void *content, struct document *document) {
    const struct period_report *r = content;
    char period[PERIOD_TEXT_BYTES];
    period_text(r->timezone, r->from_ms, r->to_ms, period);
    write_title(w, r);
    write_tiles(w, r);
    write_counts(w, r);
    write_assets(w, r);
    write_responses(w, r);
    write_list(w, r);
    const char *title = writer_keep(w, g_strdup_printf("%s %s", writer_label(w, type_label(r->type)), period));
    *document = (struct document){
        .title = title, .author = writer_clean(w, r->organisation), .footer = title, .generated_ms = r->generated_ms};
}

enum err period_pdf(const struct period_report *report, struct buf *out) {
    return writer_run(report->language, report->timezone, write_period, report, out);
}
