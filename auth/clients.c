#include "auth/clients.h"

#include <sodium.h>
#include <string.h>

#include "auth/pair.h"
#include "base/clock.h"
#include "base/random.h"

void client_new_id(char out[CLIENT_ID_CHARS + 1]) {
    unsigned char bytes[CLIENT_ID_CHARS / 2];
    random_bytes(bytes, sizeof bytes);
    sodium_bin2hex(out, CLIENT_ID_CHARS + 1, bytes, sizeof bytes);
}

static bool id_ok(const char *id) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-";
    size_t len = strnlen(id, CLIENT_ID_MAX + 1);
    return len > 0 && len <= CLIENT_ID_MAX && strspn(id, allowed) == len;
}

enum err client_create(const char *client_id, const char *name) {
    size_t name_bytes = strlen(name);
    if (!id_ok(client_id) || !name_bytes || name_bytes > CLIENT_NAME_MAX) return ERR_INVALID;
    struct db_scope scope = client_scope(client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &scope));
    TRY(tx_run(&tx, NULL, "insert into clients (client_id, name, creation_time) values ($1, $2, $3)", "ssi", client_id,
               name, now_ms()));
    TRY(tx_run(&tx, NULL, "insert into clocks (client_id) values ($1)", "s", client_id));
    TRY(tx_run(&tx, NULL,
               "insert into tenants (client_id, tenant_id, tenant_name, creation_time) values ($1, '-', '', $2)", "si",
               client_id, now_ms()));
    TRY(tx_run(&tx, NULL, "insert into due (client_id, kind, object_id, due_at) values ($1, 'trim', 'client', $2)",
               "si", client_id, now_ms() + DAY_MS));
    TRY(tx_run(&tx, NULL, "select auto_rules_example($1, $2)", "si", client_id, now_ms()));
    return tx_commit(&tx);
}
