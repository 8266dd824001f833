#include "commands/people.h"

#include <stdio.h>

#include "auth/pair.h"
#include "base/home.h"

static enum err find_tenant(const char *client_id, const char *tenant, struct arena *arena, struct strings *ids) {
    struct db_scope scope = client_scope(client_id);
    scope_rows struct rows rows = {0};
    TRY(db_read(
        &scope, &rows,
        "select tenant_id from tenants where client_id = $1 and (tenant_id = $2 or lower(tenant_name) = lower($2))"
        " order by tenant_id = $2 desc limit 1",
        "ss", client_id, tenant));
    if (!rows.n) {
        home_complain("there is no tenant %s", tenant);
        return ERR_INVALID;
    }
    const char *id = arena_strdup(arena, rows_text(&rows, 0, 0));
    if (!strings_have(ids, id)) ids->v[ids->n++] = id;
    return OK;
}

enum err people_tenants(const struct arguments *a, struct arena *arena, const char *client_id, struct strings *ids) {
    size_t n = arguments_n(a, "tenant");
    *ids = (struct strings){.v = arena_alloc(arena, (n + 1) * sizeof *ids->v)};
    for (size_t i = 0; i < n; i++) TRY(find_tenant(client_id, argument_at(a, "tenant", i), arena, ids));
    if (token_holds(ids)) return OK;
    home_complain("these are more tenants than a token has room for");
    return ERR_INVALID;
}

int people_failed(enum err e, const char *client_id) {
    if (e == ERR_NOT_FOUND) home_complain("there is no client %s", client_id);
    if (e == ERR_CONFLICT) home_complain("there is a user with this e-mail already");
    if (e == ERR_UNAVAILABLE) home_complain("the database is not available; the log above says more");
    if (e == ERR_INTERNAL) home_complain("an unexpected fault; the log above says more");
    return e == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}
