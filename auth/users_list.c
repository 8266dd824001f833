#include "auth/users.h"
#include "build/gen/operations.h"

enum err users_list(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    return users_write(r, &out->body);
}
