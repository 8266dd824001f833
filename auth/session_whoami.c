/* session/whoami: who the token speaks for. */
#include "auth/pair.h"
#include "base/clock.h"
#include "build/gen/operations.h"

static enum err write_tenants(struct request *r, struct buf *b) {
    struct db_scope scope = client_scope(r->client_id);
    scope_rows struct rows rows = {0};
    json_key(b, "tenants");
    json_open(b, '[');
    if (r->who.tenants.n)
        TRY(db_read(&scope, &rows,
                    "select tenant_id, tenant_name from tenants where client_id = $1 and tenant_id = any($2)"
                    " order by tenant_name, tenant_id",
                    "sS", r->client_id, &r->who.tenants));
    for (int i = 0; i < rows.n; i++) {
        json_open(b, '{');
        json_kstr(b, "tenant_id", rows_text(&rows, i, 0));
        json_kstr(b, "tenant_name", rows_text(&rows, i, 1));
        json_close(b, '}');
    }
    json_close(b, ']');
    return OK;
}

static void write_rights(const struct request *r, struct buf *b) {
    json_key(b, "rights");
    json_open(b, '[');
    for (size_t i = 0; i < permissions_n; i++)
        if (permissions[i].roles & r->who.role) json_str(b, permissions[i].name);
    json_close(b, ']');
}

enum err session_whoami(struct request *r, const struct session_whoami_args *args, struct reply *out) {
    int64_t now = now_ms();
    struct buf *b = &out->body;
    json_open(b, '{');
    json_kstr(b, "kind", *r->who.user_id ? "user" : "connection");
    json_kstr(b, "session_id", r->who.session_id);
    json_kstr(b, "user_id", r->who.user_id);
    json_kstr(b, "name", r->who.name);
    json_kstr(b, "role", role_code(r->who.role));
    json_kstr(b, "client_id", r->client_id);
    json_kbool(b, "all_tenants", r->who.all_tenants);
    TRY(write_tenants(r, b));
    json_kint(b, "expires_at", r->who.expires_s * 1000);
    write_rights(r, b);
    json_kint(b, "server_time", now);
    if (args->has_client_time)
        json_kint(b, "clock_skew_ms", args->client_time - now);
    else
        json_kraw(b, "clock_skew_ms", "null");
    json_close(b, '}');
    return OK;
}
