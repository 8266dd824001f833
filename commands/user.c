#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "auth/pair.h"
#include "auth/password.h"
#include "auth/users.h"
#include "base/home.h"
#include "base/mail.h"
#include "commands/people.h"

enum { ARENA_BYTES = 1024 * 1024, NAME_BYTES_MAX = 400 };

static const char maker[] = "command line";

/* The first line of the file; "-" is standard input. */
static bool read_password(const char *file, char out[PASSWORD_BYTES_MAX + 2]) {
    FILE *in = strcmp(file, "-") ? fopen(file, "r") : stdin;
    bool read = in && fgets(out, PASSWORD_BYTES_MAX + 2, in);
    if (!read) home_complain("no password in %s: %s", file, in ? "it is empty" : strerror(errno));
    if (in && in != stdin) fclose(in);
    if (read) out[strcspn(out, "\r\n")] = '\0';
    return read;
}

static enum err hash_password(const char *file, const char *email, char hash[PASSWORD_HASH_BYTES]) {
    char password[PASSWORD_BYTES_MAX + 2];
    const char *why = NULL;
    if (!read_password(file, password)) return ERR_INVALID;
    enum err e = password_check(password, email, &why);
    if (e == OK) e = password_hash(password, hash);
    explicit_bzero(password, sizeof password);
    if (why) home_complain("%s", why);
    return e;
}

static bool spec_ok(const struct user_spec *spec) {
    bool role = spec->role & (ROLE_SUPERVISOR | ROLE_SENIOR_OFFICER | ROLE_OFFICER);
    bool email = mail_address_ok(spec->email), name = strlen(spec->name) <= NAME_BYTES_MAX;
    if (!role) home_complain("--role takes SUPERVISOR, SENIOR_OFFICER or OFFICER");
    if (!email) home_complain("--email takes an e-mail address");
    if (!name) home_complain("--name takes at most %d bytes", NAME_BYTES_MAX);
    return role && email && name;
}

static void print(const struct user_spec *spec, const struct user_made *made) {
    scope_buf struct buf b;
    buf_init(&b, 64 * 1024);
    json_open(&b, '{');
    json_kstr(&b, "client_id", spec->client_id);
    json_kstr(&b, "user_id", made->user_id);
    json_kstr(&b, "email", spec->email);
    if (*made->invitation) {
        json_kstr(&b, "invitation_token", made->invitation);
        json_kstr(&b, "invitation_link", made->link);
    }
    json_close(&b, '}');
    puts(buf_text(&b));
}

static enum err store(struct arena *arena, const struct user_spec *spec, struct user_made *made) {
    struct change by = {.by = maker, .connection = ""};
    struct db_scope scope = client_scope(spec->client_id);
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(user_create(arena, &tx, spec, &by, made));
    return tx_commit(&tx);
}

static int create(const struct arguments *a, struct arena *arena) {
    char hash[PASSWORD_HASH_BYTES] = "";
    const char *name = argument(a, "name"), *file = argument(a, "password-file");
    struct user_spec spec = {
        .client_id = argument(a, "client"),
        .email = argument(a, "email"),
        .name = name ? name : argument(a, "email"),
        .language = "en",
        .role = role_parse(argument(a, "role")),
        .all_tenants = !arguments_n(a, "tenant"),
        .password_hash = hash,
    };
    struct user_made made;
    if (!spec_ok(&spec)) return EXIT_USAGE;
    enum err e = people_tenants(a, arena, spec.client_id, &spec.tenants);
    if (e == OK && file) e = hash_password(file, spec.email, hash);
    if (e == OK) e = store(arena, &spec, &made);
    if (e != OK) return people_failed(e, spec.client_id);
    print(&spec, &made);
    return EXIT_DONE;
}

int command_user_create(const struct arguments *a) {
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    int code = create(a, &arena);
    arena_free(&arena);
    return code;
}
