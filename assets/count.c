#include "assets/filter.h"
#include "base/clock.h"

enum err assets_count(struct request *r, const struct assets_count_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    sql_add(&q, "select count(*)", "");
    assets_filter_add(&q, r->client_id, &args->filter, now_ms());
    TRY(db_read_sql(&r->scope, &rows, &q));
    json_open(&out->body, '{');
    json_kint(&out->body, "count", rows_int(&rows, 0, 0));
    json_close(&out->body, '}');
    return OK;
}
