#include "reports/period.h"

#include <string.h>

#include "base/clock.h"
#include "reports/pdf_labels.h"

static int find(const char *const *names, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

static char *text_of(struct arena *arena, const struct rows *rows, int row, int col) {
    return arena_strndup(arena, rows_text(rows, row, col), rows_len(rows, row, col));
}

/* ---- whose it is ---- */

static enum err read_names(struct arena *arena, const struct period_spec *spec, struct period_report *report) {
    scope_rows struct rows rows = {0};
    bool all = !strcmp(spec->scope.tenants, "*");
    TRY(db_read(&spec->scope, &rows,
                "select c.name, (select string_agg(case t.tenant_id when '-' then $2 else t.tenant_name end, ', '"
                "                                  order by t.tenant_id = '-', lower(t.tenant_name))"
                "                  from tenants t where t.client_id = c.client_id)"
                "  from clients c where c.client_id = $1",
                "ss", spec->scope.client_id, pdf_label(LABEL_ROOT, !strcmp(spec->language, "ja"))));
    if (!rows.n) return ERR_NOT_FOUND;
    report->organisation = text_of(arena, &rows, 0, 0);
    report->tenants = all ? NULL : text_of(arena, &rows, 0, 1);
    return OK;
}

/* ---- incidents ---- */

static enum err read_counts(const struct period_spec *spec, struct period_report *report) {
    static const char *const PRIORITY[] = {"HIGH", "NORMAL", "LOW"};
    static const char *const STATUS[] = {"Open", "On hold", "Resolved", "Closed"};
    static const char *const RESOLUTION[] = {"False positive", "True positive", "Other"};
    scope_rows struct rows rows = {0};
    TRY(db_read(&spec->scope, &rows,
                "select priority, status, resolution, count(*) from incidents"
                " where client_id = $1 and creation_time >= $2 and creation_time < $3 group by 1, 2, 3",
                "sii", spec->scope.client_id, spec->from_ms, spec->to_ms));
    for (int i = 0; i < rows.n; i++) {
        int priority = find(PRIORITY, 3, rows_text(&rows, i, 0)), status = find(STATUS, 4, rows_text(&rows, i, 1)),
            resolution = find(RESOLUTION, 3, rows_text(&rows, i, 2));
        if (priority < 0) continue;
        int64_t n = rows_int(&rows, i, 3), *row = report->incidents[priority];
        row[COUNT_ALL] += n;
        if (status >= 0) row[COUNT_OPEN + status] += n;
        if (resolution >= 0) row[COUNT_FALSE_POSITIVE + resolution] += n;
    }
    return OK;
}

static enum err read_list(struct arena *arena, const struct period_spec *spec, struct period_report *report) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&spec->scope, &rows,
                "select incident_number, creation_time, summary, priority, status, resolution,"
                "       (select string_agg(left(h, -35), E'\\n') from unnest(affected_hosts[1:3]) h)"
                "       || case when cardinality(affected_hosts) > 3"
                "               then E'\\n+ ' || cardinality(affected_hosts) - 3 else '' end"
                "  from incidents where client_id = $1 and creation_time >= $2 and creation_time < $3"
                " order by array_position('{HIGH,NORMAL,LOW}', priority), creation_time desc, incident_number desc"
                " limit $4",
                "siii", spec->scope.client_id, spec->from_ms, spec->to_ms, (int64_t)PERIOD_LIST_MAX));
    struct period_incident *list = arena_alloc(arena, ((size_t)rows.n + 1) * sizeof *list);
    for (int i = 0; i < rows.n; i++)
        list[i] = (struct period_incident){
            .number = rows_int(&rows, i, 0),
            .created_ms = rows_int(&rows, i, 1),
            .summary = text_of(arena, &rows, i, 2),
            .priority = text_of(arena, &rows, i, 3),
            .status = text_of(arena, &rows, i, 4),
            .resolution = text_of(arena, &rows, i, 5),
            .hosts = text_of(arena, &rows, i, 6),
        };
    report->list = list;
    report->list_n = (size_t)rows.n;
    return OK;
}

/* ---- assets ---- */

static enum err read_assets(const struct period_spec *spec, struct period_report *report) {
    static const char *const STATUS[] = {"OK", "WARNING", "CRITICAL", "OFFLINE", "ABSENT"};
    scope_rows struct rows rows = {0};
    TRY(db_read(&spec->scope, &rows,
                "select asset_status(a.last_seen, a.absent_at, a.severity, a.databases_time, $2, c.offline_after_days),"
                "       count(*)"
                "  from assets a join clients c on c.client_id = a.client_id"
                " where a.client_id = $1 and (a.absent_at > $2 or not c.hide_absent_assets) group by 1",
                "si", spec->scope.client_id, report->generated_ms));
    for (int i = 0; i < rows.n; i++) {
        int status = find(STATUS, ASSET_ROWS, rows_text(&rows, i, 0));
        if (status >= 0) report->assets[status] = rows_int(&rows, i, 1);
    }
    return OK;
}

/* ---- responses ---- */

static enum decider decider_of(const char *kind) {
    if (!strcmp(kind, "deadline")) return DECIDED_BY_DEADLINE;
    return !strcmp(kind, "user") || !strcmp(kind, "connection") ? DECIDED_BY_PEOPLE : DECIDED_AUTOMATICALLY;
}

static enum err read_waiting(const struct period_spec *spec, struct period_report *report) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&spec->scope, &rows, "select count(*) from responses where client_id = $1 and status = 'New'", "s",
                spec->scope.client_id));
    report->responses_waiting = rows_int(&rows, 0, 0);
    return OK;
}

static enum err read_decisions(const struct period_spec *spec, struct period_report *report) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&spec->scope, &rows,
                "select status, decided_by ->> 'kind', count(*) from responses"
                " where client_id = $1 and status in ('New', 'Confirmed', 'Declined')"
                "   and creation_time >= $2 and creation_time < $3 group by 1, 2",
                "sii", spec->scope.client_id, spec->from_ms, spec->to_ms));
    for (int i = 0; i < rows.n; i++) {
        const char *status = rows_text(&rows, i, 0);
        int64_t n = rows_int(&rows, i, 2);
        if (!strcmp(status, "New"))
            report->responses_undecided += n;
        else
            report->responses[decider_of(rows_text(&rows, i, 1))][strcmp(status, "Confirmed") != 0] += n;
    }
    return OK;
}

static enum err read_executions(struct arena *arena, const struct period_spec *spec, struct period_report *report) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&spec->scope, &rows,
                "select execution ->> 'state', count(*) from responses"
                " where client_id = $1 and status = 'Confirmed' and creation_time >= $2 and creation_time < $3"
                "   and execution ->> 'state' <> 'none'"
                " group by 1 order by 2 desc, 1",
                "sii", spec->scope.client_id, spec->from_ms, spec->to_ms));
    struct period_execution *list = arena_alloc(arena, ((size_t)rows.n + 1) * sizeof *list);
    for (int i = 0; i < rows.n; i++)
        list[i] = (struct period_execution){text_of(arena, &rows, i, 0), rows_int(&rows, i, 1)};
    report->executions = list;
    report->executions_n = (size_t)rows.n;
    return OK;
}

enum err period_render(struct arena *arena, const struct period_spec *spec, struct buf *pdf,
                       struct period_report *report) {
    *report = (struct period_report){
        .schedule = spec->schedule,
        .type = spec->type,
        .from_ms = spec->from_ms,
        .to_ms = spec->to_ms,
        .generated_ms = now_ms(),
        .language = spec->language,
        .timezone = spec->timezone,
    };
    TRY(read_names(arena, spec, report));
    TRY(read_counts(spec, report));
    TRY(read_list(arena, spec, report));
    TRY(read_assets(spec, report));
    TRY(read_waiting(spec, report));
    TRY(read_decisions(spec, report));
    TRY(read_executions(arena, spec, report));
    return period_pdf(report, pdf);
}
