#include "incidents/sla_count.h"

#include "base/clock.h"

static const int64_t week_ms = 7 * DAY_MS;

/* 1970-01-01 was a Thursday: weeks begin four days later. */
static int64_t week_start(int64_t ms) { return (ms - 4 * DAY_MS) / week_ms * week_ms + 4 * DAY_MS; }

static const char used_sql[] =
    "select c.sla_limit, (select count(*) from incidents i where i.client_id = $1 and i.origin = 'Client'"
    " and i.has_sla and i.creation_time >= $2 and i.creation_time < $3)"
    " from clients c where c.client_id = $1";

enum err sla_left(struct request *r, struct tx *tx, int64_t now, bool *left) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, used_sql, "sii", r->client_id, week_start(now), week_start(now) + week_ms));
    *left = rows.n && rows_int(&rows, 0, 1) < rows_int(&rows, 0, 0);
    return OK;
}

enum err incidents_sla_count(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    scope_rows struct rows rows = {0};
    int64_t start = week_start(now_ms());
    struct db_scope all_tenants = client_scope(r->client_id);
    TRY(db_read(&all_tenants, &rows, used_sql, "sii", r->client_id, start, start + week_ms));
    int64_t limit = rows_int(&rows, 0, 0), used = rows_int(&rows, 0, 1);
    json_open(&out->body, '{');
    json_kint(&out->body, "limit", limit);
    json_kint(&out->body, "used", used);
    json_kint(&out->body, "remaining", used < limit ? limit - used : 0);
    json_kint(&out->body, "period_start", start);
    json_kint(&out->body, "period_end", start + week_ms);
    json_close(&out->body, '}');
    return OK;
}
