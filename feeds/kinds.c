#include "feeds/kinds.h"

#include <string.h>

#include "build/gen/operations.h"

/* whole_client: about everybody, so nothing for a token that is limited to tenants. */
static const struct {
    const char *kind, *permission;
    bool whole_client;
} kinds[] = {
    {"incident_details", "incidents.read", false},
    {"incident_comment", "chat.read", false},
    {"incident_response", "responses.read", false},
    {"incident_attachment", "chat.read", false},
    {"asset", "assets.read", false},
    {"tenant", "tenants.read", false},
    {"setting", "settings.read", true},
    {"auto_rule", "settings.read", true},
    {"webhook", "webhooks.manage", true},
    {"schedule", "settings.read", true},
    {"connection", "connections.manage", true},
    {"user", "users.manage", true},
};
enum { KINDS_N = sizeof kinds / sizeof *kinds };

static bool may(const struct principal *who, const char *permission) {
    for (size_t i = 0; i < permissions_n; i++)
        if (!strcmp(permissions[i].name, permission)) return permissions[i].roles & who->role;
    return false;
}

static bool shown(const struct principal *who, size_t i) {
    return may(who, kinds[i].permission) && (who->all_tenants || !kinds[i].whole_client);
}

enum err kinds_choose(struct request *r, const struct strings *asked, struct strings *out) {
    *out = strings_new(r->arena, KINDS_N);
    for (size_t i = 0; i < KINDS_N; i++)
        if (shown(&r->who, i) && (!asked->n || strings_have(asked, kinds[i].kind))) out->v[out->n++] = kinds[i].kind;
    for (size_t i = 0; i < asked->n; i++)
        if (!strings_have(out, asked->v[i]))
            return fail(r, ERR_FORBIDDEN, "This token may not see changes of the kind %s.", asked->v[i]);
    return OK;
}
