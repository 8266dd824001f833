/* What creating and changing an incident have in common: hosts, tenant, IOCs, filter keys. */
#ifndef INCIDENTS_CHANGE_H
#define INCIDENTS_CHANGE_H

#include "build/gen/operations.h"

/* The hosts of a request as assets that the token may see. */
struct incident_hosts {
    struct strings refs; /* NAME:0xID, the name as the asset has it */
    struct strings asset_ids;
    struct strings tenants;    /* of each host */
    const char *common_tenant; /* of all of them; NULL = they differ or there are none */
};
/* ERR_INVALID with a pointer to each host that is unknown. */
enum err incident_hosts_find(struct request *r, const struct strings *given, struct incident_hosts *out) must_check;

/* Which tenant a new incident belongs to: the given one ("" = root), else the hosts', else the root, else the token's first.
 * ERR_INVALID with pointer /tenant_id. */
struct incident_tenant {
    const char *id, *name;
};
enum err incident_tenant_find(struct request *r, const char *given, const struct incident_hosts *hosts,
                              struct incident_tenant *out) must_check;

const char *iocs_json(struct arena *a, const struct ioc *iocs, size_t n);

/* Replaces the incident's filter keys of one kind. */
enum err incident_keys_set(struct request *r, struct tx *tx, const char *incident_id, const char *kind,
                           const struct strings *keys) must_check;
enum err incident_keys_set_mitre(struct request *r, struct tx *tx, const char *incident_id, const char *kind,
                                 const struct strings *names) must_check;

/* The new object as create replies show it: nothing was read yet, no children but those in the body. */
void incident_reply_fresh(struct reply *out, const struct rows *rows, int row, bool html);

#endif
