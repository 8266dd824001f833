#include "responses/insert.h"

#include <string.h>

#include "base/random.h"
#include "incidents/touch.h"
#include "responses/parameters.h"

enum { PARAMETERS_BYTES_MAX = 1024 * 1024, RESPONSE_ID_BYTES = 4 + UUID_BYTES };

char *response_id_new(struct arena *arena) {
    char *id = arena_alloc(arena, RESPONSE_ID_BYTES);
    memcpy(id, "MDR_", 4);
    random_uuid(id + 4);
    return id;
}

enum err responses_insert(struct request *r, struct tx *tx, const struct draft *d, int64_t first) {
    scope_buf struct buf parameters;
    buf_init(&parameters, PARAMETERS_BYTES_MAX);
    parameters_json(&parameters, d->type->parameters, d->values);
    if (parameters.failed) return fail(r, ERR_TOO_LARGE, "The parameters are too long.");
    TRY(incident_room(r, tx, d->incident_id, parameters.len * d->ids.n));
    const char *path = parameters_text(d->type->parameters, d->values, "path");
    int64_t bytes = parameters_integer(d->type->parameters, d->values, "max_size_bytes");
    return tx_run(
        tx, NULL,
        "with c as ("
        "    insert into responses (client_id, response_id, incident_id, tenant_id, asset_id, type, parameters,"
        "                           file_path, file_size_limit, description, creation_time, update_time, decide_until,"
        "                           execute_within_s, group_id, origin, author_reader, critical, undo_of,"
        "                           declared_system, body)"
        "    select $1, u.id, $2, $3, u.asset_id, $7, $8::json, $9, $10, $11, $12 + u.n - 1, $12 + u.n - 1,"
        "           case when $13 > 0 then $12 + u.n - 1 + $13 * 1000 else 0 end, $14, $15, $16, $17, u.critical, $20,"
        "           u.system, ''"
        "      from unnest($4, $5, $6::boolean[], $21) with ordinality u (id, asset_id, critical, system, n)"
        "    returning *"
        "), d as ("
        "    insert into due (client_id, kind, object_id, due_at)"
        "    select client_id, 'decide', response_id, decide_until from c where decide_until > 0"
        ")"
        "select ledger_append(c.creation_time, c.tenant_id, c.incident_id, 'incident_response', c.response_id,"
        "                     'create', $18, $19, c.body)"
        "  from (select * from c order by creation_time) c",
        "sssSSSsssisiiissssssS", r->client_id, d->incident_id, d->tenant_id, &d->ids, &d->asset_ids, &d->critical,
        d->type->type, buf_text(&parameters), path ? path : "", bytes, d->description, first, d->decide_within_s,
        d->execute_within_s, d->group_id, origin_of(r), r->who.reader_id, r->who.name, r->who.session_id, d->undo_of,
        &d->declared_systems);
}
