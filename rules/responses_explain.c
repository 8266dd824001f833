#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "build/gen/operations.h"

static enum err read_evaluation(struct request *r, const char *response_id, struct rows *out) {
    TRY(db_read(&r->scope, out,
                "select coalesce(e.evaluated_at, 0), coalesce(e.decision, 'none'), coalesce(e.decided_by, ''),"
                "       coalesce(e.rule_id, ''), coalesce(e.reason, ''), coalesce(e.rules, '[]')"
                "  from responses p left join rule_evaluations e on e.client_id = $1 and e.response_id = p.response_id"
                " where p.client_id = $1 and p.response_id = $2",
                "ss", r->client_id, response_id));
    return out->n ? OK : fail_not_found(r);
}

static bool is_text(json_t *look, const char *key, const char *wanted) {
    const char *text = json_string_value(json_object_get(look, key));
    return text && !strcmp(text, wanted);
}

/* Rules that are for other tenants or other hosts, which may be theirs, are none of the business of a token of some tenants: their
 * names may tell of them. */
static enum err add_rules(struct request *r, const char *text, struct buf *out) {
    if (r->who.all_tenants) {
        json_kraw(out, "rules", text);
        return OK;
    }
    json_t *looks = json_loads(text, 0, NULL);
    json_key(out, "rules");
    json_open(out, '[');
    for (size_t i = 0; i < json_array_size(looks); i++) {
        json_t *look = json_array_get(looks, i);
        if (!is_text(look, "verdict", "matched") && !is_text(look, "verdict", "failed")) continue;
        if (is_text(look, "failed_condition", "tenants") || is_text(look, "failed_condition", "asset_ids")) continue;
        char *one = json_dumps(look, JSON_COMPACT);
        if (one) json_raw(out, one);
        free(one);
    }
    json_close(out, ']');
    json_decref(looks);
    return OK;
}

enum err responses_explain(struct request *r, const struct responses_explain_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(read_evaluation(r, args->response_id, &rows));
    json_open(&out->body, '{');
    json_kstr(&out->body, "response_id", args->response_id);
    json_kint(&out->body, "evaluated_at", rows_int(&rows, 0, 0));
    json_kstr(&out->body, "decision", rows_text(&rows, 0, 1));
    json_kstr(&out->body, "decided_by", rows_text(&rows, 0, 2));
    json_kstr(&out->body, "rule_id", rows_text(&rows, 0, 3));
    json_kstr(&out->body, "reason", rows_text(&rows, 0, 4));
    TRY(add_rules(r, rows_text(&rows, 0, 5), &out->body));
    json_close(&out->body, '}');
    return OK;
}
