#include <string.h>

#include "auth/tenant_choice.h"
#include "auth/write.h"
#include "base/random.h"
#include "build/gen/operations.h"
#include "responses/parameters.h"
#include "rules/book.h"
#include "rules/change.h"
#include "rules/show.h"

enum { RULE_BYTES_MAX = 512 * 1024 };

/* ---- list ---- */

enum err auto_rules_list(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    json_open(&out->body, '[');
    TRY(rules_show(r, &tx, NULL, &out->body));
    json_close(&out->body, ']');
    return OK;
}

/* ---- create and update: a rule as it is to be stored ---- */

static const char *when_text(struct request *r, const struct rule_when *when) {
    scope_buf struct buf b;
    buf_init(&b, RULE_BYTES_MAX);
    rule_when_json(&b, when);
    return arena_strdup(r->arena, buf_text(&b));
}

static const char *limits_text(struct request *r, const struct rule_limits *limits) {
    scope_buf struct buf b;
    buf_init(&b, RULE_BYTES_MAX);
    parameters_json(&b, rule_limits_schema(), limits);
    return arena_strdup(r->arena, buf_text(&b));
}

/* Judged by the reader that judges it later. */
static enum err check_readable(struct request *r, const struct rule_row *row, const char *pointer) {
    scope_rule_book struct rule_book book = {0};
    rule_book_open(r->arena, 1, &book);
    rule_book_add(r->arena, &book, row);
    if (book.rules[0].readable) return OK;
    return fail_at(r, pointer,
                   "A rule that accepts needs at least one condition, and all of its conditions and limits readable.");
}

static enum err reply_and_record(struct request *r, struct tx *tx, const char *rule_id, const char *operation,
                                 int64_t stamp, struct reply *out) {
    TRY(rules_show(r, tx, rule_id, &out->body));
    TRY(rules_record(r, tx, rule_id, operation, stamp, buf_text(&out->body)));
    return write_commit(r, tx, stamp, out);
}

/* ---- create ---- */

static enum err check_room(struct request *r, struct tx *tx) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select count(*) from auto_rules where client_id = $1", "s", r->client_id));
    if (rows_int(&rows, 0, 0) < RULES_MAX) return OK;
    return fail(r, ERR_CONFLICT, "A client has at most %d rules.", RULES_MAX);
}

static enum err insert(struct request *r, struct tx *tx, const struct rule_row *row, int64_t stamp) {
    return tx_run(
        tx, NULL,
        "insert into auto_rules (client_id, rule_id, place, name, mode, effect, conditions, limits, expires_at,"
        "                        creation_time, update_time, changed_by)"
        "select $1, $2, coalesce(max(place), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $9, $10"
        "  from auto_rules where client_id = $1",
        "sssssssiis", r->client_id, row->rule_id, row->name, row->mode, row->effect, row->conditions, row->limits,
        row->expires_at, stamp, r->who.name);
}

enum err auto_rules_create(struct request *r, const struct auto_rules_create_args *args, struct reply *out) {
    char id[ID20_BYTES];
    int64_t stamp = 0;
    random_id20(id);
    struct rule_row row = {.rule_id = id,
                           .name = args->name,
                           .mode = args->mode,
                           .effect = args->effect,
                           .conditions = when_text(r, args->when),
                           .limits = args->limits ? limits_text(r, args->limits) : "{}",
                           .expires_at = args->expires_at};
    TRY(rules_may_change(r));
    TRY(check_readable(r, &row, "/when"));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(write_lock_client(r, &tx));
    TRY(check_room(r, &tx));
    TRY(tenants_check(r, &tx, "/when/tenants", &args->when->tenants));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(insert(r, &tx, &row, stamp));
    return reply_and_record(r, &tx, id, "create", stamp, out);
}

/* ---- update ---- */

/* The rule as it will be: what was given in place of what is there. */
static enum err merge(struct request *r, struct tx *tx, const struct auto_rules_update_args *args,
                      struct rule_row *row) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select name, mode, effect, conditions, limits, expires_at from auto_rules"
               " where client_id = $1 and rule_id = $2",
               "ss", r->client_id, args->rule_id));
    if (!rows.n) return fail_not_found(r);
    *row = (struct rule_row){
        .rule_id = args->rule_id,
        .name = args->name ? args->name : arena_strdup(r->arena, rows_text(&rows, 0, 0)),
        .mode = args->mode ? args->mode : arena_strdup(r->arena, rows_text(&rows, 0, 1)),
        .effect = args->effect ? args->effect : arena_strdup(r->arena, rows_text(&rows, 0, 2)),
        .conditions = args->when ? when_text(r, args->when) : arena_strdup(r->arena, rows_text(&rows, 0, 3)),
        .limits = args->limits ? limits_text(r, args->limits) : arena_strdup(r->arena, rows_text(&rows, 0, 4)),
        .expires_at = args->has_expires_at ? args->expires_at : rows_int(&rows, 0, 5)};
    return OK;
}

/* A damaged rule can still be switched off, renamed or let expire. */
static enum err check_merged(struct request *r, struct tx *tx, const struct auto_rules_update_args *args,
                             const struct rule_row *row) {
    if (args->when) TRY(tenants_check(r, tx, "/when/tenants", &args->when->tenants));
    if (!args->when && !args->limits && !args->effect) return OK;
    return check_readable(r, row, args->when ? "/when" : args->limits ? "/limits" : "/effect");
}

static enum err store(struct request *r, struct tx *tx, const struct rule_row *row, int64_t stamp) {
    return tx_run(
        tx, NULL,
        "update auto_rules set name = $3, mode = $4, effect = $5, conditions = $6, limits = $7, expires_at = $8,"
        "                      update_time = $9, changed_by = $10 where client_id = $1 and rule_id = $2",
        "sssssssiis", r->client_id, row->rule_id, row->name, row->mode, row->effect, row->conditions, row->limits,
        row->expires_at, stamp, r->who.name);
}

enum err auto_rules_update(struct request *r, const struct auto_rules_update_args *args, struct reply *out) {
    struct rule_row row;
    int64_t stamp = 0;
    TRY(rules_may_change(r));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(write_lock_client(r, &tx));
    TRY(merge(r, &tx, args, &row));
    TRY(check_merged(r, &tx, args, &row));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(store(r, &tx, &row, stamp));
    return reply_and_record(r, &tx, args->rule_id, "update", stamp, out);
}

/* ---- delete ---- */

enum err auto_rules_delete(struct request *r, const struct auto_rules_delete_args *args, struct reply *out) {
    scope_buf struct buf snapshot;
    int64_t stamp = 0;
    buf_init(&snapshot, RULE_BYTES_MAX);
    TRY(rules_may_change(r));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(write_lock_client(r, &tx));
    TRY(rules_show(r, &tx, args->rule_id, &snapshot));
    TRY(tx_run(&tx, NULL, "delete from auto_rules where client_id = $1 and rule_id = $2", "ss", r->client_id,
               args->rule_id));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(rules_record(r, &tx, args->rule_id, "delete", stamp, buf_text(&snapshot)));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, stamp, out);
}

/* ---- reorder ---- */

static enum err check_doubles(struct request *r, const struct strings *ids) {
    struct strings seen = strings_new(r->arena, ids->n);
    for (size_t i = 0; i < ids->n; i++) {
        if (strings_have(&seen, ids->v[i]))
            return fail_at(r, arena_printf(r->arena, "/rule_ids/%zu", i), "This rule stands here more than once.");
        seen.v[seen.n++] = ids->v[i];
    }
    return OK;
}

static enum err check_complete(struct request *r, struct tx *tx, const struct strings *ids) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select count(*) filter (where rule_id = any($2)), count(*) from auto_rules where client_id = $1", "sS",
               r->client_id, ids));
    if (rows_int(&rows, 0, 0) < (int64_t)ids->n) return fail_not_found(r);
    if (rows_int(&rows, 0, 1) > (int64_t)ids->n) return fail(r, ERR_CONFLICT, "Name every rule of the client.");
    return OK;
}

static enum err record_order(struct request *r, struct tx *tx, const struct strings *ids, int64_t stamp) {
    scope_buf struct buf snapshot;
    buf_init(&snapshot, RULE_BYTES_MAX);
    json_open(&snapshot, '{');
    json_key(&snapshot, "rule_ids");
    json_strings(&snapshot, ids);
    json_close(&snapshot, '}');
    return rules_record(r, tx, "order", "update", stamp, buf_text(&snapshot));
}

enum err auto_rules_reorder(struct request *r, const struct auto_rules_reorder_args *args, struct reply *out) {
    int64_t stamp = 0;
    TRY(rules_may_change(r));
    TRY(check_doubles(r, &args->rule_ids));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(write_lock_client(r, &tx));
    TRY(check_complete(r, &tx, &args->rule_ids));
    TRY(tx_run(&tx, NULL,
               "update auto_rules a set place = u.n from unnest($2) with ordinality u (id, n)"
               " where a.client_id = $1 and a.rule_id = u.id",
               "sS", r->client_id, &args->rule_ids));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(record_order(r, &tx, &args->rule_ids, stamp));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, stamp, out);
}
