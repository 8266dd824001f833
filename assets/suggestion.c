#include "assets/filter.h"
#include "base/clock.h"

enum { SUGGESTIONS_MAX = 100 };

/* The index of search_text knows three characters and more; with fewer, walking the names in order is quickest. */
static bool long_enough_for_index(const char *phrase) {
    size_t characters = 0;
    for (; *phrase; phrase++) characters += ((unsigned char)*phrase & 0xC0) != 0x80;
    return characters >= 3;
}

enum err assets_suggestion(struct request *r, const struct assets_suggestion_args *args, struct reply *out) {
    struct assets_filter filter = {.tenants_names = args->tenants_names};
    if (long_enough_for_index(args->search_phrase)) filter.search_phrase = args->search_phrase;
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    q.plan_for_values = true;
    sql_add(&q, "select b.host_name || ':' || b.asset_id from (select a.asset_id, a.host_name_folded", "");
    bool searches = assets_filter_add(&q, r->client_id, &filter, now_ms());
    sql_add(&q, " and a.host_name_folded || ':' || a.asset_id like asset_pattern(?) order by a.host_name_folded", "s",
            args->search_phrase);
    sql_add(&q, searches ? " || ''" : "", "");
    sql_add(&q, ", a.asset_id limit ?) p join assets b on b.client_id = ? and b.asset_id = p.asset_id order by p.host_name_folded, p.asset_id",
            "is", (int64_t)SUGGESTIONS_MAX, r->client_id);
    TRY(db_read_sql(&r->scope, &rows, &q));
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n; i++) json_str(&out->body, rows_text(&rows, i, 0));
    json_close(&out->body, ']');
    return OK;
}
