#include <string.h>

#include "api/validate.h"
#include "build/gen/operations.h"
#include "responses/support.h"
#include "responses/types.h"
#include "rules/judge.h"

/* ---- what would be proposed ---- */

static enum err take_assets(struct request *r, const struct responses_preview_args *a, struct strings *out) {
    if (a->asset_id && a->asset_ids.n) return fail_at(r, "/asset_ids", "Give either asset_id or asset_ids.");
    if (!a->asset_id && !a->asset_ids.n) return fail_at(r, "/asset_ids", "Name at least one asset.");
    const char *id = a->asset_id;
    struct strings one = {.n = 1, .v = &id};
    *out = strings_unique(r->arena, id ? &one : &a->asset_ids);
    return OK;
}

static enum err check_type(struct request *r, const struct responses_preview_args *a,
                           const struct response_type **out) {
    *out = response_type_find(a->type);
    if (!*out) return fail_at(r, "/type", "No such type; see responses/types.");
    if (!a->parameters) return OK;
    return validate_at(r, "/parameters", (*out)->parameters, a->parameters, NULL);
}

static enum err find_assets(struct request *r, struct tx *tx, const struct strings *ids, struct asset_brief **out) {
    TRY(assets_find(r, tx, ids, out));
    for (size_t i = 0; i < ids->n; i++)
        if (!(*out)[i].found) return fail_not_found(r);
    return OK;
}

static enum err check_incident(struct request *r, struct tx *tx, const char *incident_id) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select 1 from incidents where client_id = $1 and incident_id = $2", "ss", r->client_id,
               incident_id));
    return rows.n ? OK : fail_not_found(r);
}

static enum err read_setting(struct request *r, struct tx *tx, struct rule_case *c, struct strings *tenants) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "select auto_response_mode, array_to_string(auto_response_tenants, ',') from clients where client_id = $1", "s",
        r->client_id));
    if (!rows.n) return fail_not_found(r);
    *tenants = strings_split(r->arena, rows_text(&rows, 0, 1), ',');
    c->setting_mode = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    c->setting_tenants = tenants;
    return OK;
}

/* ---- what is going on there ---- */

/* The newest open responses of each host, as JSON arrays in the order of ids. */
static enum err read_open(struct request *r, struct tx *tx, const struct strings *ids, struct rows *out) {
    return tx_run(tx, out,
                  "select (select coalesce(json_agg(o), '[]') from ("
                  "           select p.response_id, p.type, p.status from responses p"
                  "            where p.client_id = $1 and p.asset_id = k.id and (p.status = 'New' or " SQL_RESPONSE_RUNS
                  ")"
                  "            order by p.creation_time desc limit 20) o)"
                  "  from unnest($2) with ordinality k (id, n) order by k.n",
                  "sS", r->client_id, ids);
}

/* ---- reply ---- */

static void add_host(struct buf *out, const struct rule_case *c, const struct judgement *j, size_t i, bool supported,
                     const char *open) {
    const struct judged *judged = &j->each[i];
    json_open(out, '{');
    json_kstr(out, "asset_id", c->assets[i].asset_id);
    json_kstr(out, "host_name", j->facts.hosts[i].host_name);
    json_kbool(out, "critical", c->assets[i].critical);
    json_kbool(out, "isolated", j->facts.hosts[i].isolated);
    json_kbool(out, "unsupported", !supported);
    json_kstr(out, "decision", rule_decision_name(judged->decision));
    json_kstr(out, "decided_by", judged->by);
    json_kstr(out, "rule_id", judged->rule_id);
    json_kstr(out, "rule_name", judged->rule_name);
    json_kstr(out, "reason", judged->reason);
    json_kraw(out, "open_responses", open);
    json_close(out, '}');
}

static void add_share(struct buf *out, const struct tenant_share *s) {
    json_open(out, '{');
    json_kstr(out, "tenant_id", s->tenant_id);
    json_kint(out, "assets", s->assets);
    json_kint(out, "isolated", s->isolated);
    json_key(out, "isolated_percent");
    buf_addf(out, "%.10g", s->assets ? 100.0 * (double)s->isolated / (double)s->assets : 0.0);
    json_close(out, '}');
}

static void add_preview(struct buf *out, const struct rule_case *c, const struct judgement *j,
                        const struct strings *support, const struct rows *open) {
    json_open(out, '{');
    json_key(out, "hosts");
    json_open(out, '[');
    for (size_t i = 0; i < j->n; i++) add_host(out, c, j, i, support->v[i], rows_text(open, (int)i, 0));
    json_close(out, ']');
    json_key(out, "tenants");
    json_open(out, '[');
    for (size_t i = 0; i < j->facts.shares_n; i++) add_share(out, &j->facts.shares[i]);
    json_close(out, ']');
    json_close(out, '}');
}

/* The transaction only reads and is rolled back. */
enum err responses_preview(struct request *r, const struct responses_preview_args *args, struct reply *out) {
    struct rule_case c = {.incident_id = args->incident_id};
    struct strings ids, tenants, support;
    struct asset_brief *assets = NULL;
    scope_judgement struct judgement j = {0};
    scope_rows struct rows open = {0};
    scope_tx struct tx tx = {0};
    TRY(take_assets(r, args, &ids));
    TRY(check_type(r, args, &c.type));
    TRY(tx_begin(&tx, &r->scope));
    TRY(check_incident(r, &tx, args->incident_id));
    TRY(find_assets(r, &tx, &ids, &assets));
    c.assets = assets;
    c.assets_n = ids.n;
    TRY(read_setting(r, &tx, &c, &tenants));
    TRY(rules_judge(r, &tx, &c, &j));
    TRY(support_find(r, &tx, c.type, j.facts.incident_tenant, assets, ids.n, &support));
    TRY(read_open(r, &tx, &ids, &open));
    add_preview(&out->body, &c, &j, &support, &open);
    return OK;
}
