#include "incidents/filter.h"
#include "incidents/listing.h"

enum err incidents_list(struct request *r, const struct incidents_list_args *args, struct reply *out) {
    bool nothing = false;
    TRY(incidents_nothing_new(r, &args->filter, &nothing));
    return nothing ? listing_empty(r, args, out) : listing_run(r, args, out);
}
