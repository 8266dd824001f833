#include "auth/gateway.h"

enum { GATEWAY_ARENA_BYTES = 16 * 1024 * 1024 };

void gateway_request(struct request *r, struct arena *arena, const char *client_id) {
    arena_init(arena, GATEWAY_ARENA_BYTES);
    *r = (struct request){
        .arena = arena,
        .operation = "",
        .request_id = "",
        .client_id = client_id,
        .path_id = "",
        .address = "",
        .bearer = "",
        .who = {.client_id = client_id,
                .session_id = "",
                .user_id = "",
                .name = GATEWAY_AUTHOR,
                .reader_id = "",
                .all_tenants = true},
        .scope = {.client_id = client_id, .tenants = "*"},
    };
}
