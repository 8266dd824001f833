#include "incidents/filter.h"

enum err incidents_count(struct request *r, const struct incidents_count_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    bool nothing = false;
    TRY(incidents_nothing_new(r, &args->filter, &nothing));
    if (nothing) {
        buf_adds(&out->body, "{\"count\":0}");
        return OK;
    }
    sql_init(&q);
    sql_add(&q, "select count(*) from incidents i", "");
    incidents_where(r, &q, &args->filter);
    TRY(db_read_sql(&r->scope, &rows, &q));
    buf_addf(&out->body, "{\"count\":%lld}", (long long)rows_int(&rows, 0, 0));
    return OK;
}
