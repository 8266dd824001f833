#include <stdio.h>
#include <string.h>

#include "auth/connections.h"
#include "base/home.h"
#include "commands/people.h"

enum { ARENA_BYTES = 1024 * 1024, NAME_BYTES_MAX = 400 };

static const char maker[] = "command line";

static bool spec_ok(const struct connection_spec *spec) {
    bool everywhere = !strcmp(spec->client_id, "*");
    if (!spec->role) home_complain("--role takes SUPERVISOR, SENIOR_OFFICER, OFFICER, SOC_ANALYST or CONNECTOR");
    if (strlen(spec->name) > NAME_BYTES_MAX) home_complain("--name takes at most %d bytes", NAME_BYTES_MAX);
    if (everywhere && spec->role != ROLE_SOC_ANALYST) home_complain("--client '*' is for the role SOC_ANALYST only");
    if (everywhere && !spec->all_tenants) home_complain("--client '*' sees all tenants: leave --tenant out");
    return spec->role && strlen(spec->name) <= NAME_BYTES_MAX &&
           (!everywhere || (spec->role == ROLE_SOC_ANALYST && spec->all_tenants));
}

static void print(const struct connection_spec *spec, const struct connection_made *made) {
    scope_buf struct buf b;
    buf_init(&b, 64 * 1024);
    json_open(&b, '{');
    json_kstr(&b, "client_id", spec->client_id);
    json_kstr(&b, "session_id", made->session_id);
    json_kstr(&b, "refresh_token", made->refresh_token);
    json_close(&b, '}');
    puts(buf_text(&b));
}

static int create(const struct arguments *a, struct arena *arena) {
    struct connection_spec spec = {
        .client_id = argument(a, "client"),
        .name = argument(a, "name"),
        .role = role_parse(argument(a, "role")),
        .all_tenants = !arguments_n(a, "tenant"),
    };
    struct change by = {.by = maker, .connection = ""};
    struct connection_made made;
    if (!spec_ok(&spec)) return EXIT_USAGE;
    enum err e = people_tenants(a, arena, spec.client_id, &spec.tenants);
    if (e == OK) e = connection_create(arena, &spec, &by, &made);
    if (e != OK) return people_failed(e, spec.client_id);
    print(&spec, &made);
    return EXIT_DONE;
}

int command_connection_create(const struct arguments *a) {
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    int code = create(a, &arena);
    arena_free(&arena);
    return code;
}
