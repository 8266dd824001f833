#include "responses/reversal.h"

#include "auth/write.h"
#include "base/clock.h"
#include "incidents/touch.h"
#include "responses/insert.h"

static enum err link_back(struct request *r, struct tx *tx, const struct task *of, const char *id, int64_t stamp) {
    return tx_run(tx, NULL,
                  "with c as ("
                  "    update responses set undone_by = $3, update_time = $4"
                  "     where client_id = $1 and response_id = $2 returning *"
                  ")"
                  "select " RESPONSE_RECORD_SQL("$5", "$6") " from c",
                  "sssiss", r->client_id, of->response_id, id, stamp, r->who.name, r->who.session_id);
}

enum err reversal_write(struct request *r, struct tx *tx, const struct reversal *v, const char **id, int64_t *last) {
    enum { RECORDS = 3 }; /* created, confirmed, linked */
    const char *asset_id = v->of->asset_id, *critical = v->two_people ? "t" : "f",
               *declared_system = v->declared_system;
    int changed = 0;
    int64_t first = 0;
    *id = response_id_new(r->arena);
    struct draft draft = {.incident_id = v->of->incident_id,
                          .tenant_id = v->of->tenant_id,
                          .type = v->type,
                          .values = v->values,
                          .description = v->description,
                          .decide_within_s = v->type->decide_within_s,
                          .execute_within_s = v->execute_within_s,
                          .group_id = "",
                          .undo_of = v->of->response_id,
                          .ids = {.n = 1, .v = id},
                          .asset_ids = {.n = 1, .v = &asset_id},
                          .critical = {.n = 1, .v = &critical},
                          .declared_systems = {.n = 1, .v = &declared_system}};
    struct decided one = {.response_id = *id, .final = !v->two_people, .two_people = v->two_people};
    TRY(write_clock(tx, RECORDS, &first));
    TRY(responses_insert(r, tx, &draft, first));
    TRY(decide_apply(r, tx, &v->decision, &one, 1, first + 1, &changed));
    if (!changed) return fail(r, ERR_DEADLINE_PASSED, "The time to decide passed at this moment.");
    TRY(link_back(r, tx, v->of, *id, first + 2));
    *last = first + 2;
    return incident_touch(r, tx, v->of->incident_id, *last, RECORDS);
}

enum err reversal_find(struct request *r, struct tx *tx, const struct task *t, enum reversal_state *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select status = 'New', execution_state in ('pending', 'leased', 'running', 'succeeded')"
               "  from responses where client_id = $1 and response_id = $2",
               "ss", r->client_id, t->undone_by));
    *out = REVERSAL_NONE;
    if (rows.n && rows_bool(&rows, 0, 0)) *out = REVERSAL_NEW;
    if (rows.n && rows_bool(&rows, 0, 1)) *out = REVERSAL_UNDER_WAY;
    return OK;
}
