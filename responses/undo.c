#include <string.h>

#include "api/validate.h"
#include "assets/find.h"
#include "auth/write.h"
#include "base/clock.h"
#include "build/gen/operations.h"
#include "incidents/touch.h"
#include "responses/object.h"
#include "responses/reversal.h"
#include "responses/support.h"
#include "responses/systems.h"
#include "responses/types.h"

/* ---- before it went out ---- */

static enum err cancel(struct request *r, struct tx *tx, const struct task *t, const char *comment, int64_t *stamp) {
    TRY(write_clock(tx, 1, stamp));
    TRY(tx_run(tx, NULL,
               "with c as ("
               "    update responses set execution_state = 'cancelled', update_time = $3, finished_at = $3,"
               "           report_message = $4"
               "     where client_id = $1 and response_id = $2 and execution_state = 'pending' returning *"
               "), done as ("
               "    " TASK_DONE_SQL ")"
               "select " RESPONSE_RECORD_SQL("$5", "$6") " from c",
               "ssisss", r->client_id, t->response_id, *stamp, comment, r->who.name, r->who.session_id));
    return incident_touch(r, tx, t->incident_id, *stamp, 1);
}

/* ---- after that ---- */

static bool takes(const struct schema *schema, const char *name) {
    for (size_t i = 0; i < schema->members_n; i++)
        if (!strcmp(schema->members[i].name, name)) return true;
    return false;
}

/* Of the original's parameters those that the undoing type takes too: path and hashes. *values borrows from *kept. */
static enum err carry_over(struct request *r, const struct task *t, const struct response_type *type, json_t **kept,
                           const void **values) {
    json_auto_t *all = json_loads(t->parameters, 0, NULL);
    json_t *value = NULL;
    const char *name = NULL;
    void *out = arena_alloc(r->arena, type->parameters_size ? type->parameters_size : 1);
    *kept = json_object();
    *values = out;
    json_object_foreach(all, name, value) if (takes(type->parameters, name)) json_object_set(*kept, name, value);
    return validate_at(r, "/parameters", type->parameters, *kept, out);
}

static enum err find_type(struct request *r, const struct task *t, const struct response_type **out) {
    const struct response_type *type = response_type_find(t->type);
    *out = type && type->undo ? response_type_find(type->undo) : NULL;
    return *out ? OK : fail(r, ERR_CONFLICT, "%s cannot be taken back.", t->type);
}

static enum err check_object(struct request *r, const struct reversal *v, const struct asset_brief *asset) {
    unsigned system = systems_of(asset->os_version);
    const char *pointer = object_critical(v->type, v->values, system ? system : SYSTEMS_ALL);
    return pointer ? fail(r, ERR_CRITICAL_OBJECT, "The operating system or its protection needs this object.") : OK;
}

static enum err check_support(struct request *r, struct tx *tx, struct reversal *v, const struct asset_brief *asset) {
    struct strings support;
    TRY(support_find(r, tx, v->type, v->of->tenant_id, asset, 1, &support));
    v->declared_system = support.v[0];
    if (v->declared_system) return OK;
    return fail(r, ERR_UNSUPPORTED_ON_ASSET, "%s does not work on this asset's system.", v->type->type);
}

static enum err reverse(struct request *r, struct tx *tx, const struct task *t, const char *comment, const char **id,
                        int64_t *last) {
    struct reversal v = {.of = t, .description = comment, .decision = decision_of(r, "Confirmed", comment)};
    struct asset_brief *asset = NULL;
    struct strings one = {.n = 1, .v = (const char *[]){t->asset_id}};
    enum reversal_state earlier = REVERSAL_NONE;
    json_auto_t *kept = NULL;
    TRY(find_type(r, t, &v.type));
    TRY(reversal_find(r, tx, t, &earlier));
    if (earlier != REVERSAL_NONE) return fail(r, ERR_CONFLICT, "It is taken back by %s.", t->undone_by);
    TRY(assets_find(r, tx, &one, &asset));
    if (!asset->found) return fail_not_found(r);
    v.two_people = asset->critical;
    TRY(check_support(r, tx, &v, asset));
    TRY(carry_over(r, t, v.type, &kept, &v.values));
    TRY(check_object(r, &v, asset));
    return reversal_write(r, tx, &v, id, last);
}

static enum err undo(struct request *r, struct tx *tx, const struct task *t, const char *comment, const char **id,
                     int64_t *last) {
    switch (execution_undo(t->execution.state)) {
    case UNDO_CANCEL: *id = t->response_id; return cancel(r, tx, t, comment, last);
    case UNDO_REVERSE: return reverse(r, tx, t, comment, id, last);
    case UNDO_LATER:
        return fail(r, ERR_CONFLICT, "A connector has it at the moment (%s); try again later.",
                    execution_name(t->execution.state));
    default: return fail(r, ERR_CONFLICT, "Nothing was done that could be taken back.");
    }
}

enum err responses_undo(struct request *r, const struct responses_undo_args *args, struct reply *out) {
    struct task task = {0};
    const char *id = NULL;
    int64_t last = 0;
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(task_lock(r, &tx, args->response_id, &task));
    TRY(undo(r, &tx, &task, args->comment, &id, &last));
    struct strings one = {.n = 1, .v = &id};
    TRY(responses_show(r, &tx, &one, id != task.response_id, &out->body));
    return write_commit(r, &tx, last, out);
}
