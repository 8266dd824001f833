/* incidents/update: the SOC changes an incident. */
#include "auth/write.h"
#include "incidents/revise.h"

enum err incidents_update(struct request *r, const struct incidents_update_args *args, struct reply *out) {
    struct incident_hosts hosts;
    struct revision v = {
        .incident_id = args->incident_id,
        .texts = &args->texts,
        .status = args->status,
        .status_description = args->status_description,
        .resolution = args->resolution,
    };
    if (args->texts.affected_hosts.v) {
        TRY(incident_hosts_find(r, &args->texts.affected_hosts, &hosts));
        v.hosts = &hosts;
    }
    scope_tx struct tx tx = {0};
    scope_rows struct rows rows = {0};
    int64_t stamp = 0;
    TRY(write_begin(r, &tx));
    TRY(incident_revise(r, &tx, &v, &stamp, &rows));
    incident_reply_fresh(out, &rows, 0, false);
    return write_commit(r, &tx, stamp, out);
}
