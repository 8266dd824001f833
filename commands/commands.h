/* What the program can be told to do: one table of commands with their options; it gives parsing, --help and checks.
 * Data goes to stdout as JSON, talk to stderr; exit codes are 0 done, 1 failed, 2 wrong usage. */
#ifndef COMMANDS_COMMANDS_H
#define COMMANDS_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Options of a command: --name VALUE or --name=VALUE; without value_name a switch. */
struct option_spec {
    const char *name, *value_name, *help;
    const char *fallback; /* NULL = none */
    bool required, many;  /* many: may stand several times */
    bool number;          /* an integer from least to most */
    int64_t least, most;
};

struct arguments;

/* Borrowed. Asking for an option that the command does not have is a bug (asserted). */
const char *argument(const struct arguments *a, const char *name);    /* last one given, else fallback, else NULL */
int64_t argument_number(const struct arguments *a, const char *name); /* 0 without fallback */
bool argument_on(const struct arguments *a, const char *name);        /* switches */
size_t arguments_n(const struct arguments *a, const char *name);      /* how many were given */
const char *argument_at(const struct arguments *a, const char *name, size_t i);

/* What stands ready when a command runs; each includes those before it. */
enum needs {
    NEEDS_NOTHING,
    NEEDS_CONFIG,   /* config_load() */
    NEEDS_HOME,     /* home_prepare(): not root any more, data folder there; randomness */
    NEEDS_DATABASE, /* database_open(): migrated, pool open; signing keys loaded; signals watched (commands/stopping.h) */
};

/* The whole program. */
int commands_main(int argc, char **argv);

/* One function per command; each returns an exit code. */
int command_serve(const struct arguments *a);
int command_work(const struct arguments *a);
int command_migrate(const struct arguments *a); /* NEEDS_HOME */
int command_demo(const struct arguments *a);
int command_token(const struct arguments *a);
int command_client_create(const struct arguments *a);
int command_connection_create(const struct arguments *a);
int command_user_create(const struct arguments *a);
int command_keys_rotate(const struct arguments *a); /* NEEDS_HOME */
int command_ledger_verify(const struct arguments *a);
int command_config(const struct arguments *a);
int command_version(const struct arguments *a);

/* Hooks of `serve --demo` (commands/demo.c): demo_prepare() loads the demo organisation unless it is there and sets
 * *loaded; serve_welcome() says on stderr where the gateway is and how to call it. */
#include "base/err.h"
enum err demo_prepare(bool *loaded) must_check;
void serve_welcome(bool first_start);

#endif
