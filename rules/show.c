#include "rules/show.h"

#include "responses/parameters.h"
#include "rules/book.h"

enum { COLUMN_PLACE = 7, COLUMN_CREATED, COLUMN_UPDATED, COLUMN_BY, COLUMN_USES };

static enum err read_rows(struct request *r, struct tx *tx, const char *rule_id, struct rows *out) {
    return tx_run(
        tx, out,
        "with a as (select *, row_number() over (order by place, rule_id) as n from auto_rules where client_id = $1)"
        "select a.rule_id, a.name, a.mode, a.effect, a.conditions, a.limits, a.expires_at, a.n, a.creation_time,"
        "       a.update_time, a.changed_by, row_to_json(u)"
        "  from a, lateral (select count(*) filter (where effect = 'accept' and not shadow) as accepted,"
        "                          count(*) filter (where effect = 'hold' and not shadow) as held,"
        "                          count(*) filter (where effect = 'decline' and not shadow) as declined,"
        "                          count(*) filter (where effect = 'accept' and shadow) as would_accept,"
        "                          count(*) filter (where effect = 'hold' and shadow) as would_hold,"
        "                          count(*) filter (where effect = 'decline' and shadow) as would_decline"
        "                     from rule_uses u where u.client_id = $1 and u.rule_id = a.rule_id"
        "                      and u.used_at > (extract(epoch from now()) * 1000)::bigint - 30 * 86400000::bigint) u"
        " where $2::text is null or a.rule_id = $2 order by a.n",
        "ss", r->client_id, rule_id);
}

static struct strings common(struct arena *a, const struct strings *list, const struct strings *seen) {
    struct strings out = strings_new(a, list->n);
    for (size_t i = 0; i < list->n; i++)
        if (strings_have(seen, list->v[i])) out.v[out.n++] = list->v[i];
    return out;
}

static enum err visible_assets(struct request *r, struct tx *tx, const struct strings *ids, struct strings *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select asset_id from assets where client_id = $1 and asset_id = any($2)", "sS", r->client_id,
               ids));
    *out = rows_strings(&rows, 0, r->arena);
    return OK;
}

/* Leaves of the rule's conditions what the token may see; *concerns = false where nothing of them is left. */
static enum err cut(struct request *r, struct tx *tx, struct rule_when *when, bool *concerns) {
    *concerns = true;
    if (r->who.all_tenants) return OK;
    bool some_tenants = when->tenants.n, some_assets = when->asset_ids.n;
    when->tenants = common(r->arena, &when->tenants, &r->who.tenants);
    if (some_assets) TRY(visible_assets(r, tx, &when->asset_ids, &when->asset_ids));
    *concerns = !(some_tenants && !when->tenants.n) && !(some_assets && !when->asset_ids.n);
    return OK;
}

static void add_rule(struct buf *out, const struct rows *rows, int i, const struct rule *rule,
                     const struct rule_when *when) {
    json_open(out, '{');
    json_kstr(out, "rule_id", rule->rule_id);
    json_kstr(out, "name", rule->name);
    json_kstr(out, "mode", rule_mode_name(rule->mode));
    json_kstr(out, "effect", rule_decision_name(rule->effect));
    json_key(out, "when");
    rule_when_json(out, when);
    json_key(out, "limits");
    parameters_json(out, rule_limits_schema(), rule->limits ? rule->limits : &(struct rule_limits){0});
    json_kint(out, "expires_at", rule->expires_at);
    json_kbool(out, "readable", rule->readable);
    json_kint(out, "position", rows_int(rows, i, COLUMN_PLACE));
    json_kint(out, "creation_time", rows_int(rows, i, COLUMN_CREATED));
    json_kint(out, "update_time", rows_int(rows, i, COLUMN_UPDATED));
    json_kstr(out, "changed_by", rows_text(rows, i, COLUMN_BY));
    json_kraw(out, "uses", rows_text(rows, i, COLUMN_USES));
    json_close(out, '}');
}

static enum err show_row(struct request *r, struct tx *tx, const struct rows *rows, int i, struct rule_book *book,
                         struct buf *out) {
    struct rule_row row = {.rule_id = rows_text(rows, i, 0),
                           .name = rows_text(rows, i, 1),
                           .mode = rows_text(rows, i, 2),
                           .effect = rows_text(rows, i, 3),
                           .conditions = rows_text(rows, i, 4),
                           .limits = rows_text(rows, i, 5),
                           .expires_at = rows_int(rows, i, 6)};
    rule_book_add(r->arena, book, &row);
    const struct rule *rule = &book->rules[book->n - 1];
    struct rule_when when = rule->when ? *rule->when : (struct rule_when){0};
    bool concerns = true;
    TRY(cut(r, tx, &when, &concerns));
    if (concerns) add_rule(out, rows, i, rule, &when);
    return OK;
}

enum err rules_show(struct request *r, struct tx *tx, const char *rule_id, struct buf *out) {
    scope_rows struct rows rows = {0};
    scope_rule_book struct rule_book book = {0};
    TRY(read_rows(r, tx, rule_id, &rows));
    if (rule_id && !rows.n) return fail_not_found(r);
    rule_book_open(r->arena, (size_t)rows.n, &book);
    for (int i = 0; i < rows.n; i++) TRY(show_row(r, tx, &rows, i, &book, out));
    return OK;
}
