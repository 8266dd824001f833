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
#include "responses/systems.h"
#include "responses/types.h"

/* What is proposed, for which assets, and what decides it at once. */
struct proposal {
    const struct responses_create_args *args;
    const struct response_type *type;
    const void *values;       /* struct params_<TYPE> */
    struct strings asset_ids; /* without doubles */
    struct asset_brief *assets;
    const char *incident_tenant, *auto_mode;
    struct strings auto_tenants;
    int64_t decide_within_s;      /* 0 = no deadline */
    struct strings ids, critical; /* of the new responses, in the order of the assets */
    struct decision decision;
    struct decided *decided;
    size_t decided_n;
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

static enum err check_asset(struct request *r, const struct proposal *p, const struct asset_brief *asset) {
    const char *pointer = asset_pointer(r, p, asset->asset_id);
    if (!asset->found) {
        fail_not_found(r);
        fail_at(r, pointer, "No such asset.");
        return ERR_NOT_FOUND;
    }
    if (!tenant_fits(p, asset)) return fail_at(r, pointer, "The asset belongs to another tenant than the incident.");
    unsigned system = systems_of(asset->os_version);
    if (!system || (system & p->type->systems)) return OK;
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
        TRY(check_asset(r, p, &p->assets[i]));
        unsigned system = systems_of(p->assets[i].os_version);
        systems |= system ? system : SYSTEMS_ALL;
    }
    const char *critical = object_critical(p->type, p->values, systems);
    return critical ? refuse_critical(r, critical) : OK;
}

/* ---- what decides at once ---- */

/* Holds the client's settings until the end, so that switching off is over when its reply is sent. */
static enum err read_settings(struct request *r, struct tx *tx, struct proposal *p) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select i.tenant_id, c.auto_response_mode, array_to_string(c.auto_response_tenants, ','),"
               "       c.deadlines_s ->> $3"
               "  from clients c join incidents i on i.client_id = c.client_id and i.incident_id = $2"
               " where c.client_id = $1 for share of c",
               "sss", r->client_id, p->args->incident_id, p->type->type));
    if (!rows.n) return fail_not_found(r);
    p->incident_tenant = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    p->auto_mode = arena_strdup(r->arena, rows_text(&rows, 0, 1));
    p->auto_tenants = strings_split(r->arena, rows_text(&rows, 0, 2), ',');
    p->decide_within_s = rows_null(&rows, 0, 3) ? p->type->decide_within_s : rows_int(&rows, 0, 3);
    if (p->args->has_decide_within_s) p->decide_within_s = p->args->decide_within_s;
    return OK;
}

/* Under `selected` the host's own tenant counts. */
static bool auto_accepted(const struct proposal *p, const struct asset_brief *asset) {
    if (asset->critical) return false;
    if (!strcmp(p->auto_mode, "all")) return true;
    return !strcmp(p->auto_mode, "selected") && strings_have(&p->auto_tenants, asset->tenant_id);
}

static struct decision decision_of_setting(void) {
    return (struct decision){.status = "Confirmed",
                             .comment = "Automatically accepted",
                             .kind = "setting",
                             .id = "auto_response",
                             .name = "auto_response",
                             .changed_by = GATEWAY_AUTHOR,
                             .connection = ""};
}

/* The customer's own proposal is its confirmation; the SOC's waits, unless the customer's setting accepts it. */
static void name_and_decide(struct request *r, struct proposal *p) {
    bool soc = r->who.role == ROLE_SOC_ANALYST;
    size_t n = p->asset_ids.n;
    p->decision = soc ? decision_of_setting() : decision_of(r, "Confirmed", "");
    p->decided = arena_alloc(r->arena, n * sizeof *p->decided);
    p->ids = strings_new(r->arena, n);
    p->critical = strings_new(r->arena, n);
    for (size_t i = 0; i < n; i++) {
        const char *id = response_id_new(r->arena);
        bool critical = p->assets[i].critical;
        p->ids.v[p->ids.n++] = id;
        p->critical.v[p->critical.n++] = critical ? "t" : "f";
        if (soc && !auto_accepted(p, &p->assets[i])) continue;
        p->decided[p->decided_n++] = (struct decided){.response_id = id, .final = !critical, .two_people = critical};
    }
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
                      .critical = p->critical};
    return responses_insert(r, tx, &d, first);
}

static enum err write_all(struct request *r, struct tx *tx, const struct proposal *p, int64_t *last) {
    size_t n = p->asset_ids.n;
    int64_t first = 0;
    int changed = 0;
    TRY(write_clock(tx, (int)(n + p->decided_n), &first));
    TRY(insert(r, tx, p, first));
    if (p->decided_n) TRY(decide_apply(r, tx, &p->decision, p->decided, p->decided_n, first + (int64_t)n, &changed));
    if (changed != (int)p->decided_n) return fail(r, ERR_DEADLINE_PASSED, "The time to decide passed at this moment.");
    *last = first + (int64_t)(n + p->decided_n) - 1;
    return incident_touch(r, tx, p->args->incident_id, *last, (int)(n + p->decided_n));
}

static enum err reply(struct request *r, struct tx *tx, const struct proposal *p, struct buf *out) {
    if (!p->args->asset_id) json_open(out, '[');
    TRY(responses_show(r, tx, &p->ids, true, out));
    if (!p->args->asset_id) json_close(out, ']');
    return OK;
}

enum err responses_create(struct request *r, const struct responses_create_args *args, struct reply *out) {
    struct proposal p = {.args = args};
    int64_t last = 0;
    TRY(take_assets(r, &p));
    TRY(take_parameters(r, &p));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(incident_lock(r, &tx, args->incident_id));
    TRY(read_settings(r, &tx, &p));
    TRY(assets_find(r, &tx, &p.asset_ids, &p.assets));
    TRY(check_assets(r, &p));
    name_and_decide(r, &p);
    TRY(write_all(r, &tx, &p, &last));
    TRY(reply(r, &tx, &p, &out->body));
    return write_commit(r, &tx, last, out);
}
