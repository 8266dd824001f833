#include "rules/facts.h"

#include <string.h>

#include "auth/write.h"
#include "base/clock.h"

/* Between the elements of an array on its way here: no text holds it. */
#define SEPARATOR "E'\\x1f'"
enum { SEPARATOR_BYTE = 0x1f };

static struct strings split(struct arena *a, const struct rows *rows, int row, int col) {
    return strings_split(a, rows_text(rows, row, col), SEPARATOR_BYTE);
}

/* ---- the incident ---- */

static enum err read_incident(struct request *r, struct tx *tx, const struct rule_case *c, struct case_facts *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select i.tenant_id, i.priority, i.detection_technology, array_to_string(i.threat_classes, " SEPARATOR
               "),"
               "       array_to_string(i.mitre_tactics, " SEPARATOR "), array_to_string(i.mitre_techniques, " SEPARATOR
               "), " SQL_NOW_MS ",      (select string_agg(frozen_tenant, " SEPARATOR
               ") from freezes f where f.client_id = $1)"
               "  from incidents i where i.client_id = $1 and i.incident_id = $2",
               "ss", r->client_id, c->incident_id));
    if (!rows.n) return fail_not_found(r);
    out->incident_tenant = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    out->incident = (struct rule_facts){.type = c->type->type,
                                        .risk = c->type->risk,
                                        .priority = arena_strdup(r->arena, rows_text(&rows, 0, 1)),
                                        .detection_technology = rows_text(&rows, 0, 2),
                                        .threat_classes = split(r->arena, &rows, 0, 3),
                                        .mitre_tactics = split(r->arena, &rows, 0, 4),
                                        .mitre_techniques = split(r->arena, &rows, 0, 5),
                                        .now_ms = rows_int(&rows, 0, 6)};
    rule_facts_fold_incident(r->arena, &out->incident);
    out->frozen = split(r->arena, &rows, 0, 7);
    return OK;
}

/* ---- the hosts ---- */

static size_t share_of(struct case_facts *out, const char *tenant_id) {
    size_t i = 0;
    while (i < out->shares_n && strcmp(out->shares[i].tenant_id, tenant_id) != 0) i++;
    if (i == out->shares_n) out->shares[out->shares_n++].tenant_id = tenant_id;
    return i;
}

static struct strings ids_of(struct arena *a, const struct rule_case *c) {
    struct strings ids = strings_new(a, c->assets_n);
    for (; ids.n < c->assets_n; ids.n++) ids.v[ids.n] = c->assets[ids.n].asset_id;
    return ids;
}

static enum err read_hosts(struct request *r, struct tx *tx, const struct rule_case *c, struct case_facts *out) {
    scope_rows struct rows rows = {0};
    struct strings ids = ids_of(r->arena, c);
    out->hosts = arena_alloc(r->arena, (c->assets_n + 1) * sizeof *out->hosts);
    out->shares = arena_alloc(r->arena, (c->assets_n + 1) * sizeof *out->shares);
    TRY(tx_run(tx, &rows,
               "select k.n - 1, a.host_name, array_to_string(a.tags, " SEPARATOR "), a.isolation,"
               "       exists (select from rule_uses u join responses p"
               "                   on p.client_id = $1 and p.response_id = u.response_id"
               "                where u.client_id = $1 and u.open and p.asset_id = a.asset_id and " SQL_RESPONSE_RUNS
               ")"
               "  from unnest($2) with ordinality k (asset_id, n)"
               "  join assets a on a.client_id = $1 and a.asset_id = k.asset_id",
               "sS", r->client_id, &ids));
    for (int i = 0; i < rows.n; i++) {
        struct host_facts *h = &out->hosts[rows_int(&rows, i, 0)];
        h->host_name = arena_strdup(r->arena, rows_text(&rows, i, 1));
        h->tags = split(r->arena, &rows, i, 2);
        h->isolated = rows_bool(&rows, i, 3);
        h->affected = h->isolated || rows_bool(&rows, i, 4);
    }
    for (size_t i = 0; i < c->assets_n; i++) out->hosts[i].share = share_of(out, c->assets[i].tenant_id);
    return OK;
}

static enum err read_shares(struct request *r, struct tx *tx, struct case_facts *out) {
    scope_rows struct rows rows = {0};
    struct strings ids = strings_new(r->arena, out->shares_n);
    for (; ids.n < out->shares_n; ids.n++) ids.v[ids.n] = out->shares[ids.n].tenant_id;
    TRY(tx_run(tx, &rows,
               "with running as ("
               "    select distinct a.tenant_id, a.asset_id"
               "      from rule_uses u join responses p on p.client_id = $1 and p.response_id = u.response_id"
               "      join assets a on a.client_id = $1 and a.asset_id = p.asset_id"
               "     where u.client_id = $1 and u.open and not a.isolation and " SQL_RESPONSE_RUNS ")"
               "select k.n - 1, (select count(*) from assets a where a.client_id = $1 and a.tenant_id = k.id),"
               "       (select count(*) from assets a where a.client_id = $1 and a.tenant_id = k.id and a.isolation),"
               "       (select count(*) from running where running.tenant_id = k.id)"
               "  from unnest($2) with ordinality k (id, n)",
               "sS", r->client_id, &ids));
    for (int i = 0; i < rows.n; i++) {
        struct tenant_share *s = &out->shares[rows_int(&rows, i, 0)];
        s->assets = rows_int(&rows, i, 1);
        s->isolated = rows_int(&rows, i, 2);
        s->affected = s->isolated + rows_int(&rows, i, 3);
    }
    return OK;
}

/* ---- counts of rules ---- */

static struct strings limited(struct arena *a, const struct rule_book *book) {
    struct strings ids = strings_new(a, book->n);
    for (size_t i = 0; i < book->n; i++)
        if (book->rules[i].mode != RULE_OFF && book->rules[i].readable && book->rules[i].limits)
            ids.v[ids.n++] = book->rules[i].rule_id;
    return ids;
}

static struct rule_counts *counts_of(const struct rule_book *book, struct case_facts *out, const char *rule_id,
                                     bool shadow) {
    for (size_t i = 0; i < book->n; i++)
        if (!strcmp(book->rules[i].rule_id, rule_id) && (book->rules[i].mode == RULE_SHADOW) == shadow)
            return &out->counts[i];
    return NULL;
}

static enum err read_counts(struct request *r, struct tx *tx, const struct rule_book *book, struct case_facts *out) {
    scope_rows struct rows rows = {0};
    struct strings ids = limited(r->arena, book);
    out->counts = arena_alloc(r->arena, (book->n + 1) * sizeof *out->counts);
    if (!ids.n) return OK;
    TRY(tx_run(
        tx, &rows,
        "select k.id, k.shadow,"
        "       (select count(*) from rule_uses u where u.client_id = $1 and u.rule_id = k.id and u.effect = 'accept'"
        "           and u.shadow = k.shadow and u.used_at > $3),"
        "       (select count(*) from rule_uses u join responses p"
        "                 on p.client_id = $1 and p.response_id = u.response_id"
        "         where u.client_id = $1 and u.open and u.rule_id = k.id and not k.shadow and " SQL_RESPONSE_RUNS ")"
        "  from (select id, shadow from unnest($2) id, unnest('{f,t}'::boolean[]) shadow) k",
        "sSi", r->client_id, &ids, out->incident.now_ms - RULE_HOUR_MS));
    for (int i = 0; i < rows.n; i++) {
        struct rule_counts *c = counts_of(book, out, rows_text(&rows, i, 0), rows_bool(&rows, i, 1));
        if (c) *c = (struct rule_counts){rows_int(&rows, i, 2), rows_int(&rows, i, 3)};
    }
    return OK;
}

/* ---- all ---- */

/* Limits are the client's: an SOC connection of some tenants counts the others' too. */
enum err case_facts_read(struct request *r, struct tx *tx, const struct rule_case *c, const struct rule_book *book,
                         struct case_facts *out) {
    *out = (struct case_facts){0};
    TRY(write_scope(tx, true));
    TRY(read_incident(r, tx, c, out));
    TRY(read_hosts(r, tx, c, out));
    TRY(read_shares(r, tx, out));
    TRY(read_counts(r, tx, book, out));
    return write_scope(tx, false);
}

static bool frozen(const struct case_facts *all, const char *host_tenant) {
    return strings_have(&all->frozen, "*") || strings_have(&all->frozen, host_tenant) ||
           strings_have(&all->frozen, all->incident_tenant);
}

/* Under `selected` the host's own tenant counts. */
static bool setting_accepts(const struct rule_case *c, const char *tenant_id) {
    if (!strcmp(c->setting_mode, "all")) return true;
    return !strcmp(c->setting_mode, "selected") && strings_have(c->setting_tenants, tenant_id);
}

struct rule_facts case_facts_of(struct arena *a, const struct rule_case *c, const struct case_facts *all, size_t i) {
    const struct host_facts *host = &all->hosts[i];
    const struct tenant_share *share = &all->shares[host->share];
    struct rule_facts f = all->incident;
    f.asset_id = c->assets[i].asset_id;
    f.tenant_id = c->assets[i].tenant_id;
    f.host_name = host->host_name;
    f.asset_tags = host->tags;
    rule_facts_fold_host(a, &f);
    f.critical = c->assets[i].critical;
    f.frozen = frozen(all, f.tenant_id);
    f.setting_accepts = setting_accepts(c, f.tenant_id);
    f.tenant_assets = share->assets;
    f.tenant_affected = share->affected + !host->affected;
    return f;
}
