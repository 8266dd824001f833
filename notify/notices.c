#include "notify/notices.h"

#include "auth/gateway.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/db.h"
#include "base/log.h"
#include "notify/notice_queue.h"
#include "notify/readers.h"

enum { CLIENTS_AT_ONCE = 64 };

/* Ledger rows that anybody may want to hear of; what the gateway itself leaves New has to be decided anew (responses/approval.h). */
#define WORTH_TELLING(l)                                                                                               \
    l ".kind in ('incident_details', 'incident_response', 'incident_comment')"                                         \
      " and (" l ".operation = 'create' or (" l ".operation = 'update' and (" l ".kind = 'incident_details'"           \
      "      or (" l ".kind = 'incident_response' and " l ".connection = ''"                                           \
      "          and " l ".snapshot like '%\"status\":\"New\"%'))))"

/* ---- marking who is concerned ---- */

static enum err mark(struct tx *tx, const struct reader *reader) {
    return tx_run(
        tx, NULL,
        "with l as ("
        "    select distinct case l.kind when 'incident_details' then 'incidents' when 'incident_response' then "
        "'responses'"
        "                                else 'comments' end as subject, l.tenant_id, l.connection"
        "      from ledger l where l.client_id = $1 and l.position > $2 and l.position <= $3 and " WORTH_TELLING(
            "l") "), concerned as ("
                 "    select u.user_id from users u"
                 "     where u.client_id = $1 and u.status = 'active' and exists ("
                 "           select from l where l.subject = any(u.notify) and (u.all_tenants or l.tenant_id = "
                 "any(u.tenants))"
                 "              and not exists (select from sessions s where s.client_id = $1 and s.session_id = "
                 "l.connection"
                 "                                and s.user_id = u.user_id))"
                 "     order by u.user_id"
                 "), marked as ("
                 "    insert into notices as n (client_id, user_id, after_position, pending)"
                 "    select $1, user_id, $2, true from concerned"
                 "    on conflict (client_id, user_id) do update"
                 "       set pending = true, after_position = case when n.pending then n.after_position"
                 "                                                 else greatest(n.after_position, "
                 "excluded.after_position) end"
                 "    returning user_id, mailed_at"
                 ")"
                 "insert into due (client_id, kind, object_id, due_at)"
                 " select $1, 'notify', user_id, greatest(" SQL_NOW_MS
                 ", mailed_at + $4) from marked on conflict do nothing",
        "siii", tx->scope.client_id, reader->position, reader->newest, (int64_t)NOTICE_PAUSE_MS);
}

static enum err look_at(const char *client_id, const char *reader_id) {
    struct db_scope scope = client_scope(client_id);
    struct reader reader = {.kind = "notify", .reader_id = reader_id};
    bool ours = false;
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(reader_take(&tx, &reader, &ours));
    if (!ours) return OK;
    if (*config()->smtp_url) TRY(mark(&tx, &reader));
    TRY(reader_done(&tx, &reader, reader.newest, false, &ours));
    return tx_commit(&tx);
}

enum err notices_look(void) {
    scope_rows struct rows rows = {0};
    TRY(readers_find("notify", false, CLIENTS_AT_ONCE, &rows));
    for (int i = 0; i < rows.n; i++) {
        const char *client_id = rows_text(&rows, i, 0);
        enum err e = look_at(client_id, rows_text(&rows, i, 1));
        if (e == ERR_UNAVAILABLE) return e;
        if (e != OK) LOG(ERROR, "notices_failed", log_s("client_id", client_id), log_s("error", err_code(e)));
    }
    return OK;
}

/* ---- one user's mail ---- */

struct receiver {
    struct notice_receiver who;
    struct strings subjects;
    bool extended;
};

/* Only who may decide hears of what waits for a decision. */
static enum err read_receiver(struct request *r, const char *user_id, struct receiver *out, bool *there) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows,
                "select u.email, u.language, u.timezone, " NOTICE_RIGHTS_SQL ", c.name,"
                "       case when u.all_tenants then '*' else array_to_string(u.tenants, ',') end,"
                "       array_to_string(case when u.role in ('SUPERVISOR', 'SENIOR_OFFICER') then u.notify"
                "                            else array_remove(u.notify, 'responses') end, ','), "
                "c.extended_notifications"
                "  from users u join clients c on c.client_id = u.client_id"
                " where u.client_id = $1 and u.user_id = $2 and u.status = 'active'",
                "ss", r->client_id, user_id));
    *there = rows.n > 0;
    if (!*there) return OK;
    const char **const texts[] = {&out->who.email,  &out->who.language,     &out->who.timezone,
                                  &out->who.rights, &out->who.organisation, &out->who.scope.tenants};
    for (int i = 0; i < 6; i++) *texts[i] = arena_strdup(r->arena, rows_text(&rows, 0, i));
    out->subjects = strings_split(r->arena, rows_text(&rows, 0, 6), ',');
    out->extended = rows_bool(&rows, 0, 7);
    out->who.scope.client_id = r->client_id;
    out->who.user_id = user_id;
    return OK;
}

/* What happened in (after, newest]: the oldest of each kind in turns, so that none crowds out another, with how many there are of
 * each. */
static enum err read_notices(struct tx *tx, const struct receiver *to, int64_t after, int64_t newest,
                             struct rows *out) {
    return tx_run(
        tx, out,
        "with l as materialized ("
        "    select l.position, l.kind, l.operation, l.incident_id, l.object_id, l.changed_by,"
        "           substring(l.snapshot from '\"status\":\"([^\"]*)\"') as status"
        "      from ledger l"
        "     where l.client_id = $1 and l.position > $2 and l.position <= $3 and " WORTH_TELLING(
            "l") "       and not exists (select from sessions s where s.client_id = $1 and s.session_id = l.connection"
                 "                         and s.user_id = $4)"
                 "), found as ("
                 "    select l.position, $5::integer as kind, l.incident_id, i.status, '' as type, '' as host, "
                 "l.changed_by,"
                 "           i.summary as text, 0 as until"
                 "      from l join incidents i on i.client_id = $1 and i.incident_id = l.incident_id"
                 "     where l.kind = 'incident_details' and l.operation = 'create' and 'incidents' = any($9)"
                 "    union all"
                 "    select l.position, $6::integer, l.incident_id, l.status, '', '', l.changed_by, i.summary, 0"
                 "      from l join incidents i on i.client_id = $1 and i.incident_id = l.incident_id"
                 "     where l.kind = 'incident_details' and l.operation = 'update' and 'incidents' = any($9)"
                 "       and l.status <> (select substring(b.snapshot from '\"status\":\"([^\"]*)\"') from ledger b"
                 "                         where b.client_id = $1 and b.incident_id = l.incident_id"
                 "                           and b.kind = 'incident_details' and b.position < l.position"
                 "                         order by b.position desc limit 1)"
                 "    union all"
                 "    (select distinct on (l.object_id)"
                 "           l.position, $7::integer, l.incident_id, '', p.type, coalesce(a.host_name, p.asset_id), "
                 "l.changed_by,"
                 "           p.description, p.decide_until"
                 "      from l join responses p on p.client_id = $1 and p.response_id = l.object_id and p.status = "
                 "'New'"
                 "             left join assets a on a.client_id = $1 and a.asset_id = p.asset_id"
                 "     where l.kind = 'incident_response' and 'responses' = any($9) order by l.object_id, l.position)"
                 "    union all"
                 "    select l.position, $8::integer, l.incident_id, '', '', '', l.changed_by, c.text, 0"
                 "      from l join comments c on c.client_id = $1 and c.comment_id = l.object_id"
                 "     where l.kind = 'incident_comment' and l.operation = 'create' and 'comments' = any($9)"
                 ")"
                 "select f.kind, i.incident_number, i.priority, f.status, i.tenant_name, f.type, f.host, f.changed_by, "
                 "f.text, f.until,"
                 "       count(*) over (partition by f.kind)"
                 "  from found f join incidents i on i.client_id = $1 and i.incident_id = f.incident_id"
                 " order by row_number() over (partition by f.kind order by f.position), f.kind limit $10",
        "siisiiiiSi", to->who.scope.client_id, after, newest, to->who.user_id, (int64_t)NOTICE_INCIDENT,
        (int64_t)NOTICE_STATUS, (int64_t)NOTICE_RESPONSE, (int64_t)NOTICE_COMMENT, &to->subjects,
        (int64_t)NOTICES_LISTED_MAX);
}

static struct notice notice_of(const struct rows *rows, int i) {
    return (struct notice){
        .kind = (enum notice_kind)rows_int(rows, i, 0),
        .number = rows_int(rows, i, 1),
        .priority = rows_text(rows, i, 2),
        .status = rows_text(rows, i, 3),
        .tenant = rows_text(rows, i, 4),
        .type = rows_text(rows, i, 5),
        .host = rows_text(rows, i, 6),
        .by = rows_text(rows, i, 7),
        .text = rows_text(rows, i, 8),
        .until_ms = rows_int(rows, i, 9),
    };
}

static struct notice_words compose(struct arena *arena, const struct receiver *to, const struct rows *rows) {
    struct notice *list = arena_alloc(arena, (size_t)rows->n * sizeof *list);
    struct notice_mail mail = {.organisation = to->who.organisation,
                               .language = to->who.language,
                               .timezone = to->who.timezone,
                               .url = config()->public_url,
                               .extended = to->extended,
                               .list = list,
                               .n = (size_t)rows->n};
    for (int i = 0; i < rows->n; i++) {
        list[i] = notice_of(rows, i);
        mail.totals[list[i].kind] = rows_int(rows, i, 10);
    }
    return notice_words(arena, &mail);
}

/* Locks the mark; newest is read after it, so that a row is either told of now or marked again. */
static enum err lock_mark(struct tx *tx, const char *client_id, const char *user_id, int64_t *after, int64_t *newest,
                          bool *pending) {
    scope_rows struct rows notice = {0};
    scope_rows struct rows clock = {0};
    TRY(tx_run(tx, &notice,
               "select after_position from notices where client_id = $1 and user_id = $2 and pending for update", "ss",
               client_id, user_id));
    *pending = notice.n > 0;
    if (!*pending) return OK;
    *after = rows_int(&notice, 0, 0);
    TRY(tx_run(tx, &clock, "select position from clocks where client_id = $1", "s", client_id));
    *newest = rows_int(&clock, 0, 0);
    return OK;
}

static enum err end_mark(struct tx *tx, const char *client_id, const char *user_id, int64_t newest, bool mailed) {
    return tx_run(tx, NULL,
                  "with done as (delete from due where client_id = $1 and kind = 'notify' and object_id = $2)"
                  "update notices set pending = false, after_position = greatest(after_position, $3),"
                  "       mailed_at = case when $4 then " SQL_NOW_MS " else mailed_at end"
                  " where client_id = $1 and user_id = $2",
                  "ssib", client_id, user_id, newest, (int)mailed);
}

static enum err tell(struct request *r, const struct receiver *to) {
    int64_t after = 0, newest = 0;
    bool pending = false;
    scope_rows struct rows rows = {0};
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &to->who.scope));
    TRY(lock_mark(&tx, r->client_id, to->who.user_id, &after, &newest, &pending));
    if (pending) TRY(read_notices(&tx, to, after, newest, &rows));
    if (rows.n) {
        struct notice_words words = compose(r->arena, to, &rows);
        TRY(notice_queue(r->arena, &tx, &to->who, &words));
    }
    TRY(end_mark(&tx, r->client_id, to->who.user_id, newest, rows.n > 0));
    return tx_commit(&tx);
}

static enum err forget(struct request *r, const char *user_id) {
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    TRY(tx_run(&tx, NULL,
               "with n as (delete from notices where client_id = $1 and user_id = $2)"
               "delete from due where client_id = $1 and kind = 'notify' and object_id = $2",
               "ss", r->client_id, user_id));
    return tx_commit(&tx);
}

static enum err run(struct request *r, const char *user_id) {
    struct receiver to = {0};
    bool there = false;
    TRY(read_receiver(r, user_id, &to, &there));
    return there ? tell(r, &to) : forget(r, user_id);
}

enum err notices_due(const char *client_id, const char *user_id) { return gateway_run(run, client_id, user_id); }
