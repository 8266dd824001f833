#include "notify/schedule_mail.h"

#include <jansson.h>
#include <string.h>

#include "base/config.h"
#include "base/tz.h"
#include "reports/pdf.h"
#include "reports/period.h"

enum { LATE_MS = 15 * 60 * 1000 };

struct moments {
    const char *schedule_id;
    int64_t due_ms, from_ms, to_ms;
};

static enum err read_parameters(struct arena *arena, const char *parameters, struct moments *out) {
    const char *id = NULL;
    json_int_t due = 0, from = 0, to = 0;
    json_t *p = json_loads(parameters, 0, NULL);
    bool complete = !json_unpack(p, "{s:s, s:I, s:I, s:I}", "schedule_id", &id, "due", &due, "from", &from, "to", &to);
    if (complete) *out = (struct moments){arena_strdup(arena, id), due, from, to};
    json_decref(p);
    return complete ? OK : ERR_NOT_FOUND;
}

/* tenants of the scope as in struct db_scope. */
static enum err read_schedule(struct arena *arena, const struct schedule_mail *job, const char *schedule_id,
                              struct period_spec *spec) {
    struct db_scope scope = client_scope(job->client_id);
    scope_rows struct rows rows = {0};
    TRY(db_read(&scope, &rows,
                "select schedule_name, type, language, timezone,"
                "       case when all_tenants then '*' else array_to_string(tenants, ',') end"
                "  from schedules where client_id = $1 and schedule_id = $2 and $3 = any(emails)"
                "   and (all_tenants or tenants <> '{}')",
                "sss", job->client_id, schedule_id, job->recipient));
    if (!rows.n) return ERR_NOT_FOUND;
    const char **const texts[] = {&spec->schedule, &spec->type, &spec->language, &spec->timezone, &spec->scope.tenants};
    for (int i = 0; i < 5; i++) *texts[i] = arena_strdup(arena, rows_text(&rows, 0, i));
    spec->scope.client_id = job->client_id;
    return OK;
}

static const char *type_word(const char *type, bool ja) {
    if (!strcmp(type, "daily")) return ja ? "日次レポート" : "daily report";
    if (!strcmp(type, "weekly")) return ja ? "週次レポート" : "weekly report";
    return ja ? "月次レポート" : "monthly report";
}

static const char *late_text(struct arena *arena, const struct schedule_mail *job, const struct period_spec *spec,
                             int64_t due_ms, bool ja) {
    if (job->creation_time - due_ms < LATE_MS) return "";
    scope_tz struct tz *zone = tz_open(spec->timezone);
    if (!zone) zone = tz_open("UTC");
    struct tm t = tz_local(zone, due_ms / 1000);
    return arena_printf(
        arena,
        ja ? "※ このレポートは %04d-%02d-%02d %02d:%02d（%s）に作成される予定でしたが、遅れて作成されました。\n\n"
           : "Note: this report was due at %04d-%02d-%02d %02d:%02d (%s) and is late.\n\n",
        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, spec->timezone);
}

static void write_words(struct arena *arena, const struct schedule_mail *job, const struct period_spec *spec,
                        const struct period_report *report, int64_t due_ms, struct mail *mail) {
    bool ja = !strcmp(spec->language, "ja");
    char period[PERIOD_TEXT_BYTES];
    period_text(spec->timezone, spec->from_ms, spec->to_ms, period);
    const char *type = type_word(spec->type, ja), *late = late_text(arena, job, spec, due_ms, ja);
    long long all = period_incidents(report, COUNT_ALL), high = report->incidents[PRIORITY_HIGH][COUNT_ALL],
              open = period_incidents(report, COUNT_OPEN) + period_incidents(report, COUNT_ON_HOLD),
              waiting = report->responses_waiting;
    mail->subject = arena_printf(arena, "[MDR] %s: %s", spec->schedule, period);
    mail->text = arena_printf(arena,
                              ja ? "%s\n\n%s（%s、%s）を PDF でお送りします。\n\n%s"
                                   "インシデント: %lld 件（うち優先度「高」 %lld 件）\n未解決: %lld 件\n"
                                   "現在承認待ちの対応措置: %lld 件\n\nスケジュール: %s\n%s\n"
                                 : "%s\n\nAttached is the %s for %s (%s).\n\n%s"
                                   "Incidents: %lld (%lld of high priority)\nNot resolved yet: %lld\n"
                                   "Responses that await a decision now: %lld\n\nSchedule: %s\n%s\n",
                              report->organisation, type, period, spec->timezone, late, all, high, open, waiting,
                              spec->schedule, config()->public_url);
}

/* "MDR-report-2026-11-15_2026-11-21.pdf" */
static const char *file_name(struct arena *arena, const struct period_spec *spec) {
    char period[PERIOD_TEXT_BYTES];
    period_text(spec->timezone, spec->from_ms, spec->to_ms, period);
    const char *last = strrchr(period, ' ');
    if (!last) return arena_printf(arena, "MDR-report-%s.pdf", period);
    return arena_printf(arena, "MDR-report-%.10s_%s.pdf", period, last + 1);
}

enum err schedule_mail_write(struct arena *arena, const struct schedule_mail *job, struct mail *mail, struct buf *pdf) {
    struct moments moments;
    struct period_report report;
    struct period_spec spec = {0};
    TRY(read_parameters(arena, job->parameters, &moments));
    TRY(read_schedule(arena, job, moments.schedule_id, &spec));
    spec.from_ms = moments.from_ms;
    spec.to_ms = moments.to_ms;
    TRY(period_render(arena, &spec, pdf, &report));
    write_words(arena, job, &spec, &report, moments.due_ms, mail);
    mail->attachment_name = file_name(arena, &spec);
    mail->attachment_type = "application/pdf";
    mail->attachment = buf_text(pdf);
    mail->attachment_bytes = pdf->len;
    return OK;
}
