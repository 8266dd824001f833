#include <stdio.h>

#include "auth/clients.h"
#include "base/buf.h"
#include "base/home.h"
#include "commands/commands.h"

static int complain(enum err e, const char *id) {
    if (e == ERR_CONFLICT) home_complain("there is a client %s already", id);
    if (e == ERR_INVALID)
        home_complain("--id takes 1 to %d letters, digits, _ . + - and --name 1 to %d bytes", CLIENT_ID_MAX,
                      CLIENT_NAME_MAX);
    if (e == ERR_UNAVAILABLE) home_complain("the database is not available; the log above says more");
    return e == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

int command_client_create(const struct arguments *a) {
    char made[CLIENT_ID_CHARS + 1];
    client_new_id(made);
    const char *given = argument(a, "id"), *name = argument(a, "name");
    const char *id = given ? given : made;
    enum err e = client_create(id, name);
    if (e != OK) return complain(e, id);
    scope_buf struct buf b;
    buf_init(&b, 64 * 1024);
    json_open(&b, '{');
    json_kstr(&b, "client_id", id);
    json_kstr(&b, "name", name);
    json_close(&b, '}');
    puts(buf_text(&b));
    return EXIT_DONE;
}
