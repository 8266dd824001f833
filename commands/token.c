#include <stdio.h>

#include "auth/connections.h"
#include "base/home.h"
#include "commands/people.h"

enum { ARENA_BYTES = 256 * 1024 };

int command_token(const struct arguments *a) {
    const char *client_id = argument(a, "client");
    enum role role = role_parse(argument(a, "role"));
    if (!role) {
        home_complain("--role takes SUPERVISOR, SENIOR_OFFICER, OFFICER, SOC_ANALYST or CONNECTOR");
        return EXIT_USAGE;
    }
    struct arena arena;
    char *token = NULL;
    arena_init(&arena, ARENA_BYTES);
    enum err e = connection_shell_token(&arena, client_id, role, &token);
    if (e == OK) puts(token);
    arena_free(&arena);
    return e == OK ? EXIT_DONE : people_failed(e, client_id);
}
