#include <string.h>

#include "api/validate.h"
#include "assets/find.h"
#include "auth/gateway.h"
#include "auth/write.h"
#include "base/random.h"
#include "build/gen/operations.h"
#include "incidents/touch.h"
#include "responses/decide.h"
#include "responses/insert.h"
#include "responses/object.h"
#include "responses/support.h"
#include "responses/systems.h"
#include "responses/types.h"
#include "rules/judge.h"

/* What is proposed, for which assets, and what decides it at once. */
struct proposal {
    const struct responses_create_args *args;
    const struct response_type *type;
    const void *values;       /* struct params_<TYPE> */
    struct strings asset_ids; /* without doubles */
    struct asset_brief *assets;
    struct strings support; /* support_find() */
    const char *incident_tenant, *auto_mode;
    struct strings auto_tenants;
    int64_t decide_within_s;      /* 0 = no deadline */
    struct strings ids, critical; /* of the new responses, in the order of the assets */
    struct judgement judgement;   /* of the rules; on the SOC's proposals only */
    struct settled *settled;
    size_t settled_n, decided_n; /* decided_n: responses, in all of settled */
};

/* Responses that the same decision ends. */
struct settled {
    struct decision decision;
    struct decided *list;
    size_t n;
};

/* ---- what may be proposed ---- */

static enum err take_assets(struct request *r, struct proposal *p) {
    const struct responses_create_args *a = p->args;
    if (a->asset_id && a->asset_ids.n) return fail_at(r, "/asset_ids", "Give either asset_id or asset_ids.");
    if (!a->asset_id && !a->asset_ids.n) return fail_at(r, "/asset_ids", "Name at least one asset.");
    struct strings one = {.n = 1, .v = (const char **)&a->asset_id};
    p->asset_ids = strings_unique(r->arena, a->asset_id ? &one : &a->asset_ids);
    return OK;
}

static enum err take_parameters(struct request *r, struct proposal *p) {
    p->type = response_type_find(p->args->type);
    if (!p->type) return fail_at(r, "/type", "No such type; see responses/types.");
    void *values = arena_alloc(r->arena, p->type->parameters_size ? p->type->parameters_size : 1);
    TRY(validate_at(r, "/parameters", p->type->parameters, p->args->parameters, values));
    p->values = values;
    return OK;
}

/* "/asset_id", or "/asset_ids/3" of the first mention. */
static const char *asset_pointer(struct request *r, const struct proposal *p, const char *asset_id) {
    if (p->args->asset_id) return "/asset_id";
    size_t i = 0;
    while (strcmp(p->args->asset_ids.v[i], asset_id) != 0) i++;
    return arena_printf(r->arena, "/asset_ids/%zu", i);
}

/* The root's incidents are those that concern hosts of several tenants. */
static bool tenant_fits(const struct proposal *p, const struct asset_brief *asset) {
    return !strcmp(p->incident_tenant, "-") || !strcmp(p->incident_tenant, asset->tenant_id);
}

static enum err check_asset(struct request *r, const struct proposal *p, size_t i) {
    const struct asset_brief *asset = &p->assets[i];
    const char *pointer = asset_pointer(r, p, asset->asset_id);
    if (!asset->found) {
        fail_not_found(r);
        fail_at(r, pointer, "No such asset.");
        return ERR_NOT_FOUND;
    }
    if (!tenant_fits(p, asset)) return fail_at(r, pointer, "The asset belongs to another tenant than the incident.");
    if (p->support.v[i]) return OK;
    fail(r, ERR_UNSUPPORTED_ON_ASSET, "%s does not work on this asset's system.", p->type->type);
    fail_at(r, pointer, "Its system is %s.", asset->os_version);
    return ERR_UNSUPPORTED_ON_ASSET;
}

static enum err refuse_critical(struct request *r, const char *pointer) {
    fail(r, ERR_CRITICAL_OBJECT, "The operating system or its protection needs this object.");
    fail_at(r, pointer, "Is, or may be, critical for the host.");
    return ERR_CRITICAL_OBJECT;
}

static enum err check_assets(struct request *r, struct proposal *p) {
    unsigned systems = 0;
    for (size_t i = 0; i < p->asset_ids.n; i++) {
        TRY(check_asset(r, p, i));
        unsigned system = systems_of(p->assets[i].os_version);
        systems |= system ? system : SYSTEMS_ALL;
    }
    const char *critical = object_critical(p->type, p->values, systems);
    return critical ? refuse_critical(r, critical) : OK;
}

/* ---- what decides at once ---- */

static bool by_soc(const struct request *r) { return r->who.role == ROLE_SOC_ANALYST; }

/* Holds the client's row until the end, so that a change of settings is over when its reply is sent; the SOC's proposals, which rules may
 * accept, also lock the client: rules and freezes are over as well, and they come one after the other, so that limits are counted exactly. */
static enum err read_settings(struct request *r, struct tx *tx, struct proposal *p) {
    scope_rows struct rows rows = {0};
    if (by_soc(r)) TRY(write_lock_client(r, tx));
    TRY(tx_run(tx, &rows,
               "select auto_response_mode, array_to_string(auto_response_tenants, ','), deadlines_s ->> $2"
               "  from clients where client_id = $1 for share",
               "ss", r->client_id, p->type->type));
    if (!rows.n) return fail_not_found(r);
    p->auto_mode = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    p->auto_tenants = strings_split(r->arena, rows_text(&rows, 0, 1), ',');
    p->decide_within_s = rows_null(&rows, 0, 2) ? p->type->decide_within_s : rows_int(&rows, 0, 2);
    if (p->args->has_decide_within_s) p->decide_within_s = p->args->decide_within_s;
    return OK;
}

static enum err read_incident(struct request *r, struct tx *tx, struct proposal *p) {
    scope_rows struct rows rows = {0};
    TRY(incident_lock(r, tx, p->args->incident_id));
    TRY(tx_run(tx, &rows, "select tenant_id from incidents where client_id = $1 and incident_id = $2", "ss",
               r->client_id, p->args->incident_id));
    if (!rows.n) return fail_not_found(r);
    p->incident_tenant = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    return OK;
}

static void name_all(struct request *r, struct proposal *p) {
    size_t n = p->asset_ids.n;
    p->ids = strings_new(r->arena, n);
    p->critical = strings_new(r->arena, n);
    for (size_t i = 0; i < n; i++) {
        p->ids.v[p->ids.n++] = response_id_new(r->arena);
        p->critical.v[p->critical.n++] = p->assets[i].critical ? "t" : "f";
    }
}

static void settle(struct request *r, struct proposal *p, size_t i, const struct decision *decision) {
    struct settled *s = p->settled;
    while (s < p->settled + p->settled_n &&
           (strcmp(s->decision.kind, decision->kind) != 0 || strcmp(s->decision.id, decision->id) != 0))
        s++;
    if (s == p->settled + p->settled_n) {
        *s = (struct settled){.decision = *decision, .list = arena_alloc(r->arena, p->asset_ids.n * sizeof *s->list)};
        p->settled_n++;
    }
    bool critical = p->assets[i].critical && *decision->status == 'C';
    s->list[s->n++] =
        (struct decided){.response_id = p->ids.v[i], .final = !critical, .two_people = p->assets[i].critical};
    p->decided_n++;
}

static struct decision decision_of_judged(struct request *r, const struct judged *j) {
    bool by_rule = !strcmp(j->by, "rule"), accepts = j->decision == RULE_ACCEPT;
    const char *what = accepts ? "Automatically accepted" : "Automatically declined";
    return (struct decision){.status = accepts ? "Confirmed" : "Declined",
                             .comment =
                                 by_rule ? arena_printf(r->arena, "%s by rule \"%s\"", what, j->rule_name) : what,
                             .kind = j->by,
                             .id = by_rule ? j->rule_id : "auto_response",
                             .name = by_rule ? j->rule_name : "auto_response",
                             .changed_by = GATEWAY_AUTHOR,
                             .connection = ""};
}

/* The SOC's proposals wait for people unless a rule, or else the setting, decides. */
static enum err judge(struct request *r, struct tx *tx, struct proposal *p) {
    struct rule_case c = {.incident_id = p->args->incident_id,
                          .type = p->type,
                          .assets = p->assets,
                          .assets_n = p->asset_ids.n,
                          .setting_mode = p->auto_mode,
                          .setting_tenants = &p->auto_tenants};
    TRY(rules_judge(r, tx, &c, &p->judgement));
    for (size_t i = 0; i < p->judgement.n; i++) {
        const struct judged *j = &p->judgement.each[i];
        struct decision decision = decision_of_judged(r, j);
        if (j->decision == RULE_ACCEPT || j->decision == RULE_DECLINE) settle(r, p, i, &decision);
    }
    return OK;
}

/* The customer's own proposal is its confirmation. */
static enum err decide(struct request *r, struct tx *tx, struct proposal *p) {
    p->settled = arena_alloc(r->arena, p->asset_ids.n * sizeof *p->settled);
    name_all(r, p);
    if (by_soc(r)) return judge(r, tx, p);
    struct decision own = decision_of(r, "Confirmed", "");
    for (size_t i = 0; i < p->asset_ids.n; i++) settle(r, p, i, &own);
    return OK;
}

/* ---- writing ---- */

static enum err insert(struct request *r, struct tx *tx, const struct proposal *p, int64_t first) {
    char group[UUID_BYTES] = "";
    if (!p->args->asset_id) random_uuid(group);
    struct draft d = {.incident_id = p->args->incident_id,
                      .tenant_id = p->incident_tenant,
                      .type = p->type,
                      .values = p->values,
                      .description = p->args->description,
                      .decide_within_s = p->decide_within_s,
                      .execute_within_s = p->args->has_execute_within_s ? p->args->execute_within_s : 0,
                      .group_id = group,
                      .undo_of = "",
                      .ids = p->ids,
                      .asset_ids = p->asset_ids,
                      .critical = p->critical,
                      .declared_systems = p->support};
    return responses_insert(r, tx, &d, first);
}

static enum err apply(struct request *r, struct tx *tx, const struct proposal *p, int64_t stamp) {
    for (size_t i = 0; i < p->settled_n; i++) {
        const struct settled *s = &p->settled[i];
        int changed = 0;
        TRY(decide_apply(r, tx, &s->decision, s->list, s->n, stamp, &changed));
        if (changed != (int)s->n) return fail(r, ERR_DEADLINE_PASSED, "The time to decide passed at this moment.");
        stamp += changed;
    }
    return OK;
}

static enum err write_all(struct request *r, struct tx *tx, const struct proposal *p, int64_t *last) {
    size_t n = p->asset_ids.n;
    int64_t first = 0;
    TRY(write_clock(tx, (int)(n + p->decided_n), &first));
    TRY(insert(r, tx, p, first));
    TRY(apply(r, tx, p, first + (int64_t)n));
    if (by_soc(r)) TRY(rules_record_judgement(r, tx, &p->judgement, &p->ids, first));
    *last = first + (int64_t)(n + p->decided_n) - 1;
    return incident_touch(r, tx, p->args->incident_id, *last, (int)(n + p->decided_n));
}

static enum err reply(struct request *r, struct tx *tx, const struct proposal *p, struct buf *out) {
    if (!p->args->asset_id) json_open(out, '[');
    TRY(responses_show(r, tx, &p->ids, true, out));
    if (!p->args->asset_id) json_close(out, ']');
    return OK;
}

static enum err create(struct request *r, struct proposal *p, struct reply *out) {
    int64_t last = 0;
    TRY(take_assets(r, p));
    TRY(take_parameters(r, p));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(read_settings(r, &tx, p));
    TRY(read_incident(r, &tx, p));
    TRY(assets_find(r, &tx, &p->asset_ids, &p->assets));
    TRY(support_find(r, &tx, p->type, p->incident_tenant, p->assets, p->asset_ids.n, &p->support));
    TRY(check_assets(r, p));
    TRY(decide(r, &tx, p));
    TRY(write_all(r, &tx, p, &last));
    TRY(reply(r, &tx, p, &out->body));
    return write_commit(r, &tx, last, out);
}

enum err responses_create(struct request *r, const struct responses_create_args *args, struct reply *out) {
    struct proposal p = {.args = args};
    enum err e = create(r, &p, out);
    judgement_free(&p.judgement);
    return e;
}
