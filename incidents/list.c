#include "incidents/filter.h"
#include "incidents/listing.h"

enum err incidents_list(struct request *r, const struct incidents_list_args *args, struct reply *out) {
    bool nothing = false;
    TRY(incidents_nothing_new(r, &args->filter, &nothing));
    if (nothing) {
        buf_adds(&out->body, "[]");
        return OK;
    }
    return listing_run(r, args, out);
}
