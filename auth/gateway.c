#include "auth/gateway.h"

enum { GATEWAY_ARENA_BYTES = 16 * 1024 * 1024 };

enum err gateway_run(gateway_job *job, const char *client_id, const char *object_id) {
    struct arena arena;
    struct request r = {
        .arena = &arena,
        .operation = "",
        .request_id = "",
        .client_id = client_id,
        .path_id = "",
        .accept = "",
        .address = "",
        .bearer = "",
        .who = {.client_id = client_id,
                .session_id = "",
                .user_id = "",
                .name = GATEWAY_AUTHOR,
                .person_id = "",
                .reader_id = "",
                .all_tenants = true},
        .scope = client_scope(client_id),
    };
    arena_init(&arena, GATEWAY_ARENA_BYTES);
    enum err e = job(&r, object_id);
    arena_free(&arena);
    return e;
}
