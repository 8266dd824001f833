#include "responses/decide.h"

#include "api/project.h"
#include "base/clock.h"
#include "responses/task.h"

struct decision decision_of(const struct request *r, const char *status, const char *comment) {
    bool user = *r->who.user_id;
    return (struct decision){
        .status = status,
        .comment = comment,
        .kind = user ? "user" : "connection",
        .id = user ? r->who.user_id : r->who.session_id,
        .name = r->who.name,
        .changed_by = r->who.name,
        .connection = r->who.session_id,
        .approves = *status == 'C',
    };
}

enum err responses_lock_incidents(struct request *r, struct tx *tx, const struct strings *ids) {
    return tx_run(tx, NULL,
                  "select incident_id from incidents where client_id = $1 and incident_id in"
                  "       (select incident_id from responses where client_id = $1 and response_id = any($2))"
                  " order by incident_id for no key update",
                  "sS", r->client_id, ids);
}

static struct strings flags(struct arena *a, const struct decided *list, size_t n, bool two_people) {
    struct strings out = strings_new(a, n);
    for (size_t i = 0; i < n; i++) out.v[out.n++] = (two_people ? list[i].two_people : list[i].final) ? "t" : "f";
    return out;
}

enum err decide_apply(struct request *r, struct tx *tx, const struct decision *d, const struct decided *list, size_t n,
                      int64_t first, int *changed) {
    struct strings ids = strings_new(r->arena, n);
    for (; ids.n < n; ids.n++) ids.v[ids.n] = list[ids.n].response_id;
    struct strings final = flags(r->arena, list, n, false), two_people = flags(r->arena, list, n, true);
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "with d as ("
        "    select u.id, u.final, u.two_people, $5 + u.n - 1 as stamp, coalesce("
        "               (select a.tenant_id from responses join assets a using (client_id, asset_id)"
        "                 where client_id = $1 and response_id = u.id), '') as asset_tenant"
        "      from unnest($2, $3::boolean[], $4::boolean[]) with ordinality u (id, final, two_people, n)"
        "), c as ("
        "    update responses p"
        "       set status = case when d.final then $6 else 'New' end, comment = $7, update_time = d.stamp,"
        "           critical = p.critical or d.two_people, decided_tenant = d.asset_tenant,"
        "           execution_state = case when d.final and $6 = 'Confirmed' then 'pending' else 'none' end,"
        "           not_after = case when d.final and $6 = 'Confirmed'"
        "               then d.stamp + 1000 * coalesce(nullif(p.execute_within_s, 0), 86400) else 0 end,"
        "           decided_by = json_build_object("
        "               'kind', case when d.final then $8 else '' end, 'id', case when d.final then $9 else '' end,"
        "               'name', case when d.final then $10 else '' end,"
        "               'approvals', case when $11 then (case when p.decided_tenant = d.asset_tenant"
        "                   then (p.decided_by -> 'approvals')::jsonb else '[]' end || jsonb_build_object("
        "                   'kind', $8, 'id', $9, 'name', $10, 'time', d.stamp))::json"
        "                   else p.decided_by -> 'approvals' end)"
        "      from d"
        "     where p.client_id = $1 and p.response_id = d.id and p.status = 'New'"
        "       and case when $12 then p.decide_until > 0 and p.decide_until <= " SQL_NOW_MS
        "                else p.decide_until = 0 or p.decide_until > " SQL_NOW_MS " end"
        "    returning p.*"
        "), undue as ("
        "    delete from due using c"
        "     where due.client_id = $1 and due.kind = 'decide' and due.object_id = c.response_id and c.status <> 'New'"
        "), todo as ("
        "    insert into due (client_id, kind, object_id, due_at)"
        "    select client_id, 'execute', response_id, not_after from c where execution_state = 'pending'"
        ")"
        "select " RESPONSE_RECORD_SQL("$13", "$14") " from (select * from c order by update_time) c",
        "sSSSisssssbbss", r->client_id, &ids, &final, &two_people, first, d->status, d->comment, d->kind, d->id,
        d->name, (int)d->approves, (int)d->by_deadline, d->changed_by, d->connection));
    *changed = rows.n;
    return OK;
}

enum err responses_show(struct request *r, struct tx *tx, const struct strings *ids, bool unread, struct buf *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select p.body, coalesce(rd.responses_upto, 0)"
               "  from unnest($2) with ordinality u (id, n)"
               "  join responses p on p.client_id = $1 and p.response_id = u.id"
               "  left join reads rd on rd.client_id = $1 and rd.reader_id = $3 and rd.incident_id = p.incident_id"
               " order by u.n",
               "sSs", r->client_id, ids, r->who.reader_id));
    struct projection p = {.reading = {.reader_id = r->who.reader_id, .unread = unread}};
    for (int i = 0; i < rows.n; i++) {
        p.reading.responses_upto = rows_int(&rows, i, 1);
        project(out, rows_slice(&rows, i, 0), &p);
    }
    return OK;
}
