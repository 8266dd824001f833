#include "reports/schedule_run.h"

#include "auth/gateway.h"
#include "auth/mail_queue.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/log.h"

enum err schedule_lock(struct arena *arena, struct tx *tx, const char *client_id, const char *schedule_id,
                       struct schedule *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select schedule_id, schedule_name, type, time, timezone, language, array_to_string(days, ','),"
               "       array_to_string(emails, ','), array_to_string(tenants, ','), all_tenants"
               "  from schedules where client_id = $1 and schedule_id = $2 for no key update",
               "ss", client_id, schedule_id));
    if (!rows.n) return ERR_NOT_FOUND;
    const char **const texts[] = {&out->schedule_id, &out->schedule_name, &out->type,
                                  &out->time,        &out->timezone,      &out->language};
    for (int i = 0; i < 6; i++) *texts[i] = arena_strdup(arena, rows_text(&rows, 0, i));
    out->days = strings_split(arena, rows_text(&rows, 0, 6), ',');
    out->emails = strings_split(arena, rows_text(&rows, 0, 7), ',');
    out->tenants = strings_split(arena, rows_text(&rows, 0, 8), ',');
    out->all_tenants = rows_bool(&rows, 0, 9);
    return OK;
}

enum err schedule_queue(struct arena *arena, struct tx *tx, const char *client_id, const struct schedule *s,
                        const struct schedule_rule *rule, const struct tz *zone, int64_t due_s) {
    if (!s->all_tenants && !s->tenants.n) return OK;
    struct schedule_period period = schedule_period(rule, zone, due_s);
    scope_buf struct buf parameters;
    buf_init(&parameters, 1024);
    json_open(&parameters, '{');
    json_kstr(&parameters, "schedule_id", s->schedule_id);
    json_kint(&parameters, "due", due_s * 1000);
    json_kint(&parameters, "from", period.from_s * 1000);
    json_kint(&parameters, "to", period.to_s * 1000);
    json_close(&parameters, '}');
    struct queued_mail mail = {"schedule_report", buf_text(&parameters), s->language, s->timezone, NULL};
    TRY(mail_queue_add(arena, tx, client_id, &mail, &s->emails));
    return tx_run(tx, NULL, "update schedules set last_run = $3 where client_id = $1 and schedule_id = $2", "ssi",
                  client_id, s->schedule_id, now_ms());
}

/* Another worker that was faster has moved due_at on: *due_ms is -1. */
static enum err lock_due(struct request *r, struct tx *tx, const char *schedule_id, int64_t *due_ms, int64_t *now) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select due_at, " SQL_NOW_MS " from due where client_id = $1 and kind = 'schedule' and object_id = $2"
               "   and due_at <= " SQL_NOW_MS " for update",
               "ss", r->client_id, schedule_id));
    *due_ms = rows.n ? rows_int(&rows, 0, 0) : -1;
    *now = rows.n ? rows_int(&rows, 0, 1) : 0;
    return OK;
}

static enum err set_next(struct request *r, struct tx *tx, const char *schedule_id, int64_t next_s) {
    return tx_run(tx, NULL, "update due set due_at = $3 where client_id = $1 and kind = 'schedule' and object_id = $2",
                  "ssi", r->client_id, schedule_id, next_s * 1000);
}

static enum err run_due(struct request *r, struct tx *tx, const struct schedule *s) {
    int64_t due_ms = 0, now = 0;
    long bad = 0;
    struct schedule_rule rule;
    scope_tz struct tz *zone = tz_open(s->timezone);
    if (!zone || !schedule_rule_parse(s->type, &s->days, s->time, &rule, &bad)) return ERR_INTERNAL;
    TRY(lock_due(r, tx, s->schedule_id, &due_ms, &now));
    if (due_ms < 0) return OK;
    int64_t latest = schedule_latest(&rule, zone, now / 1000);
    if (latest < due_ms / 1000) latest = due_ms / 1000;
    TRY(set_next(r, tx, s->schedule_id, schedule_next(&rule, zone, now / 1000)));
    if (*config()->smtp_url) return schedule_queue(r->arena, tx, r->client_id, s, &rule, zone, latest);
    LOG(WARN, "schedule_without_mail_relay", log_s("client_id", r->client_id), log_s("schedule_id", s->schedule_id));
    return OK;
}

static enum err run(struct request *r, const char *schedule_id) {
    struct schedule s;
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    enum err e = schedule_lock(r->arena, &tx, r->client_id, schedule_id, &s);
    if (e == ERR_NOT_FOUND) return OK; /* deleted meanwhile, and its row of due with it */
    TRY(e);
    TRY(run_due(r, &tx, &s));
    return tx_commit(&tx);
}

enum err schedule_due(const char *client_id, const char *schedule_id) {
    return gateway_run(run, client_id, schedule_id);
}
