/* schedules/list, create, update, delete, run. An administrator who is limited to tenants manages only schedules within
 * them; wider ones do not exist for it. */
#include <string.h>

#include "auth/mail_queue.h"
#include "auth/tenant_choice.h"
#include "auth/write.h"
#include "base/clock.h"
#include "base/mail.h"
#include "base/random.h"
#include "build/gen/operations.h"
#include "reports/schedule_run.h"

enum { PER_CLIENT_MAX = 50, PER_TENANT_MAX = 10 };

#define SCHEDULE_COLUMNS                                                                                               \
    "s.schedule_id, s.schedule_name, s.type, s.days, s.time, s.timezone, s.language, s.emails, s.all_tenants,"         \
    " " TENANT_REFS_SQL("s") "::json as tenants"

/* ---- showing ---- */

static void select_schedules(struct request *r, struct sql *q) {
    sql_init(q);
    sql_add(q,
            "select row_to_json(v)::text from (select " SCHEDULE_COLUMNS
            ", coalesce(d.due_at, 0) as next_run_time, s.last_run as last_run_time, s.creation_time"
            " from schedules s left join due d"
            "   on d.client_id = s.client_id and d.kind = 'schedule' and d.object_id = s.schedule_id"
            " where s.client_id = ?",
            "s", r->client_id);
    if (!r->who.all_tenants) sql_add(q, " and " WITHIN_SQL("s", "false", "?"), "S", &r->who.tenants);
}

enum err schedules_list(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    struct db_scope scope = client_scope(r->client_id);
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    select_schedules(r, &q);
    sql_add(&q, " order by s.creation_time, s.schedule_id) v", "");
    TRY(db_read_sql(&scope, &rows, &q));
    rows_json(&rows, &out->body);
    return OK;
}

static enum err show(struct request *r, struct tx *tx, const char *schedule_id, struct buf *out) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    select_schedules(r, &q);
    sql_add(&q, " and s.schedule_id = ?) v", "s", schedule_id);
    TRY(tx_run_sql(tx, &rows, &q));
    if (!rows.n) return fail_not_found(r);
    json_raw(out, rows_text(&rows, 0, 0));
    return OK;
}

/* ---- checking ---- */

static enum err check_emails(struct request *r, const struct strings *emails) {
    enum err e = OK;
    for (size_t i = 0; i < emails->n; i++)
        if (!mail_address_ok(emails->v[i]))
            e = fail_at(r, arena_printf(r->arena, "/emails/%zu", i), "is not a plain e-mail address");
    return e;
}

static enum err check_rule(struct request *r, struct schedule *s, struct schedule_rule *rule) {
    long bad = -1;
    bool daily = !strcmp(s->type, "daily");
    if (daily && s->days.n) return fail_at(r, "/days", "A daily schedule takes no days.");
    if (schedule_rule_parse(s->type, &s->days, s->time, rule, &bad)) return OK;
    bool weekly = !strcmp(s->type, "weekly");
    if (bad < 0)
        return fail_at(r, "/days",
                       weekly ? "Name at least one weekday, MON to SUN."
                              : "Name at least one day of the month, \"1\" to \"31\".");
    return fail_at(r, arena_printf(r->arena, "/days/%ld", bad),
                   weekly ? "must be one of MON, TUE, WED, THU, FRI, SAT, SUN"
                          : "must be a day of the month, \"1\" to \"31\"");
}

/* ---- limits: whoever adds locks the client ---- */

static enum err check_limits(struct request *r, struct tx *tx, const struct schedule *s) {
    scope_rows struct rows all = {0};
    scope_rows struct rows tenant = {0};
    TRY(tx_run(tx, &all, "select count(*) from schedules where client_id = $1 and schedule_id <> $2", "ss",
               r->client_id, s->schedule_id));
    if (rows_int(&all, 0, 0) >= PER_CLIENT_MAX)
        return fail(r, ERR_CONFLICT, "There are %d schedules already, the most that a client may have.",
                    PER_CLIENT_MAX);
    TRY(tx_run(tx, &tenant,
               "select t.tenant_name from tenants t where t.client_id = $1 and t.tenant_id = any($3)"
               "   and (select count(*) from schedules s"
               "         where s.client_id = $1 and s.schedule_id <> $2 and t.tenant_id = any(s.tenants)) >= $4"
               " order by lower(t.tenant_name) limit 1",
               "ssSi", r->client_id, s->schedule_id, &s->tenants, (int64_t)PER_TENANT_MAX));
    if (!tenant.n) return OK;
    return fail(r, ERR_CONFLICT, "Tenant \"%s\" has %d schedules already, the most that a tenant may have.",
                rows_text(&tenant, 0, 0), PER_TENANT_MAX);
}

/* ---- writing ---- */

static enum err record(struct request *r, struct tx *tx, const char *schedule_id, const char *operation,
                       int64_t stamp) {
    return tx_run(tx, NULL,
                  "select ledger_append($3, '-', '', 'schedule', $2, $4, $5, $6, (select row_to_json(v)::text"
                  "  from (select " SCHEDULE_COLUMNS ", s.creation_time from schedules s"
                  "         where s.client_id = $1 and s.schedule_id = $2) v))",
                  "ssisss", r->client_id, schedule_id, stamp, operation, r->who.name, r->who.session_id);
}

static enum err set_due(struct request *r, struct tx *tx, const struct schedule *s, const struct schedule_rule *rule,
                        int64_t stamp) {
    scope_tz struct tz *zone = tz_open(s->timezone);
    if (!zone) return ERR_INTERNAL;
    return tx_run(tx, NULL,
                  "insert into due (client_id, kind, object_id, due_at) values ($1, 'schedule', $2, $3)"
                  " on conflict (client_id, kind, object_id) do update set due_at = excluded.due_at",
                  "ssi", r->client_id, s->schedule_id, schedule_next(rule, zone, stamp / 1000) * 1000);
}

/* ---- create ---- */

static enum err insert(struct request *r, struct tx *tx, const struct schedule *s, int64_t stamp) {
    return tx_run(tx, NULL,
                  "insert into schedules (client_id, schedule_id, schedule_name, type, days, time, timezone, language,"
                  "                       emails, all_tenants, tenants, creation_time)"
                  " select $1, $2, $3, $4, $5, $6, $7, coalesce($8, (select language from users"
                  "        where client_id = $1 and user_id = $9), 'en'), $10, $11, $12, $13",
                  "ssssSssssSbSi", r->client_id, s->schedule_id, s->schedule_name, s->type, &s->days, s->time,
                  s->timezone, s->language, r->who.user_id, &s->emails, s->all_tenants, &s->tenants, stamp);
}

enum err schedules_create(struct request *r, const struct schedules_create_args *args, struct reply *out) {
    char id[ID20_BYTES];
    random_id20(id);
    struct tenant_choice choice;
    struct schedule_rule rule;
    struct schedule s = {.schedule_id = id,
                         .schedule_name = args->schedule_name,
                         .type = args->type,
                         .time = args->time,
                         .timezone = args->timezone,
                         .language = args->language,
                         .days = strings_unique(r->arena, &args->days),
                         .emails = strings_unique(r->arena, &args->emails)};
    TRY(check_emails(r, &args->emails));
    TRY(check_rule(r, &s, &rule));
    TRY(tenants_choose(r, args->tenants, args->tenants_n, &choice));
    s.all_tenants = choice.all;
    s.tenants = choice.ids;
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    int64_t stamp = 0;
    TRY(tx_begin_write(&tx, &scope));
    TRY(write_lock_client(r, &tx));
    TRY(check_limits(r, &tx, &s));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(insert(r, &tx, &s, stamp));
    TRY(set_due(r, &tx, &s, &rule, stamp));
    TRY(record(r, &tx, id, "create", stamp));
    TRY(show(r, &tx, id, &out->body));
    return write_commit(r, &tx, stamp, out);
}

/* ---- update, delete, run: of one that is there ---- */

static enum err lock_own(struct request *r, struct tx *tx, const char *schedule_id, struct schedule *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select 1 from schedules s where s.client_id = $1 and s.schedule_id = $2"
               "   and " WITHIN_SQL("s", "$3", "$4"),
               "ssbS", r->client_id, schedule_id, r->who.all_tenants, &r->who.tenants));
    if (!rows.n) return fail_not_found(r);
    enum err e = schedule_lock(r->arena, tx, r->client_id, schedule_id, out);
    return e == ERR_NOT_FOUND ? fail_not_found(r) : e;
}

static void merge(struct request *r, const struct schedules_update_args *args, const struct tenant_choice *choice,
                  struct schedule *s) {
    bool other_type = args->type && strcmp(args->type, s->type) != 0;
    if (args->schedule_name) s->schedule_name = args->schedule_name;
    if (args->type) s->type = args->type;
    if (args->time) s->time = args->time;
    if (args->timezone) s->timezone = args->timezone;
    if (args->language) s->language = args->language;
    if (args->days.v || other_type) s->days = strings_unique(r->arena, &args->days);
    if (args->emails.v) s->emails = strings_unique(r->arena, &args->emails);
    if (!args->tenants) return;
    s->all_tenants = choice->all;
    s->tenants = choice->ids;
}

static enum err store(struct request *r, struct tx *tx, const struct schedule *s) {
    return tx_run(tx, NULL,
                  "update schedules set schedule_name = $3, type = $4, days = $5, time = $6, timezone = $7,"
                  "       language = $8, emails = $9, all_tenants = $10, tenants = $11"
                  " where client_id = $1 and schedule_id = $2",
                  "ssssSsssSbS", r->client_id, s->schedule_id, s->schedule_name, s->type, &s->days, s->time,
                  s->timezone, s->language, &s->emails, s->all_tenants, &s->tenants);
}

enum err schedules_update(struct request *r, const struct schedules_update_args *args, struct reply *out) {
    struct tenant_choice choice = {0};
    struct schedule s;
    struct schedule_rule rule;
    if (args->emails.v) TRY(check_emails(r, &args->emails));
    if (args->tenants) TRY(tenants_choose(r, args->tenants, args->tenants_n, &choice));
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    int64_t stamp = 0;
    TRY(tx_begin_write(&tx, &scope));
    TRY(write_lock_client(r, &tx));
    TRY(lock_own(r, &tx, args->schedule_id, &s));
    merge(r, args, &choice, &s);
    TRY(check_rule(r, &s, &rule));
    if (args->tenants) TRY(check_limits(r, &tx, &s));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(store(r, &tx, &s));
    if (args->type || args->days.v || args->time || args->timezone) TRY(set_due(r, &tx, &s, &rule, stamp));
    TRY(record(r, &tx, s.schedule_id, "update", stamp));
    TRY(show(r, &tx, s.schedule_id, &out->body));
    return write_commit(r, &tx, stamp, out);
}

enum err schedules_delete(struct request *r, const struct schedules_delete_args *args, struct reply *out) {
    struct schedule s;
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    int64_t stamp = 0;
    TRY(tx_begin_write(&tx, &scope));
    TRY(lock_own(r, &tx, args->schedule_id, &s));
    TRY(tx_run(&tx, NULL, "delete from due where client_id = $1 and kind = 'schedule' and object_id = $2", "ss",
               r->client_id, s.schedule_id));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(record(r, &tx, s.schedule_id, "delete", stamp));
    TRY(tx_run(&tx, NULL, "delete from schedules where client_id = $1 and schedule_id = $2", "ss", r->client_id,
               s.schedule_id));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, stamp, out);
}

static enum err queue_now(struct request *r, struct tx *tx, const struct schedule *s) {
    struct schedule_rule rule;
    long bad = 0;
    scope_tz struct tz *zone = tz_open(s->timezone);
    if (!zone || !schedule_rule_parse(s->type, &s->days, s->time, &rule, &bad)) return ERR_INTERNAL;
    return schedule_queue(r->arena, tx, r->client_id, s, &rule, zone, now_ms() / 1000);
}

enum err schedules_run(struct request *r, const struct schedules_run_args *args, struct reply *out) {
    struct schedule s;
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(lock_own(r, &tx, args->schedule_id, &s));
    TRY(mail_queue_check(r, &tx));
    if (!s.all_tenants && !s.tenants.n) return fail(r, ERR_CONFLICT, "None of the schedule's tenants is left.");
    TRY(queue_now(r, &tx, &s));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, 0, out);
}
