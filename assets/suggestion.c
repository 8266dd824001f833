#include "assets/filter.h"
#include "base/clock.h"

enum { SUGGESTIONS_MAX = 100 };

/* Walks the names' index in order until enough are found: at worst once through the index, never through the rows. */
enum err assets_suggestion(struct request *r, const struct assets_suggestion_args *args, struct reply *out) {
    struct assets_filter filter = {.tenants_names = args->tenants_names};
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    q.plan_for_values = true;
    sql_add(&q, "select b.host_name || ':' || b.asset_id from (select a.asset_id, a.host_name_folded", "");
    assets_filter_add(&q, r->client_id, &filter, now_ms());
    sql_add(&q,
            " and a.host_name_folded || ':' || a.asset_id like asset_pattern(?)"
            " order by a.host_name_folded, a.asset_id limit ?) p"
            " join assets b on b.client_id = ? and b.asset_id = p.asset_id order by p.host_name_folded, p.asset_id",
            "sis", args->search_phrase, (int64_t)SUGGESTIONS_MAX, r->client_id);
    TRY(db_read_sql(&r->scope, &rows, &q));
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n; i++) json_str(&out->body, rows_text(&rows, i, 0));
    json_close(&out->body, ']');
    return OK;
}
