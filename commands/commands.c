#include "commands/commands.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "auth/keys.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/home.h"
#include "base/random.h"
#include "base/strings.h"
#include "commands/database.h"
#include "commands/stopping.h"

enum { OPTIONS_MAX = 10, GIVEN_MAX = 200, FILES_WANTED = 8192 };

struct command {
    const char *name, *help;
    int (*run)(const struct arguments *);
    enum needs needs;
    struct option_spec options[OPTIONS_MAX];
};

struct arguments {
    const struct command *command;
    size_t n;
    struct {
        const struct option_spec *option;
        const char *value;
    } given[GIVEN_MAX];
    const char *config_file;
    bool help;
};

/* clang-format off */
#define ROLES "SUPERVISOR, SENIOR_OFFICER, OFFICER, SOC_ANALYST or CONNECTOR."
#define TEXT(name_, value, ...) {.name = name_, .value_name = value, .help = __VA_ARGS__}
#define COUNT(name_, most_, ...) {.name = name_, .value_name = "N", .number = true, .most = most_, .help = __VA_ARGS__}
#define SWITCH(name_, ...) {.name = name_, .help = __VA_ARGS__}
#define CLIENT TEXT("client", "ID", "The customer organisation.", .required = true)

static const struct command commands[] = {
    {"serve", "Serve the API, and do the work of `work` unless MDR_WORKERS=off.", command_serve, NEEDS_DATABASE, {
        SWITCH("demo", "Load a demo organisation on first start and say how to call the API.")}},
    {"work", "Only what falls due: deadlines, closing, tasks, schedules, mail, webhooks.", command_work, NEEDS_DATABASE, {{0}}},
    {"migrate", "Bring the database's schema up to date.", command_migrate, NEEDS_HOME, {{0}}},
    {"demo", "Load a client with made-up assets and incidents.", command_demo, NEEDS_DATABASE, {
        CLIENT,
        COUNT("assets", 10000000, "How many assets.", .required = true),
        COUNT("incidents", 10000000, "How many incidents.", .required = true),
        COUNT("seed", INT64_MAX, "Same seed, same data.", .fallback = "1")}},
    {"token", "Print an access token to paste into a shell.", command_token, NEEDS_DATABASE, {
        CLIENT,
        TEXT("role", "ROLE", ROLES, .fallback = "SUPERVISOR")}},
    {"client create", "Create a customer organisation.", command_client_create, NEEDS_DATABASE, {
        TEXT("name", "NAME", "Its name.", .required = true),
        TEXT("id", "ID", "Its id; default a new one.")}},
    {"connection create", "Create an API connection and print its refresh token.",
     command_connection_create, NEEDS_DATABASE, {
        TEXT("client", "ID", "The customer organisation; '*' = all (SOC_ANALYST).", .required = true),
        TEXT("name", "NAME", "Author name of what it writes.", .required = true),
        TEXT("role", "ROLE", ROLES, .required = true),
        TEXT("tenant", "T", "Tenant that it may see; repeatable; none = all.", .many = true)}},
    {"user create", "Create a user who signs in with e-mail and password.", command_user_create, NEEDS_DATABASE, {
        CLIENT,
        TEXT("email", "ADDRESS", "E-mail address.", .required = true),
        TEXT("name", "NAME", "Name shown to others; default the address."),
        TEXT("role", "ROLE", ROLES, .required = true),
        TEXT("password-file", "FILE", "File with the password, - = standard input; default: an invitation is printed."),
        TEXT("tenant", "T", "Tenant that the user may see; repeatable; none = all.", .many = true)}},
    {"keys rotate", "Sign tokens with a new key; tokens in use stay good.", command_keys_rotate, NEEDS_HOME, {{0}}},
    {"ledger verify", "Check that nobody changed a client's history.", command_ledger_verify, NEEDS_DATABASE, {CLIENT}},
    {"config", "Print the settings in force (secrets hidden).", command_config, NEEDS_CONFIG, {
        SWITCH("markdown", "Print the table of all settings instead.")}},
    {"version", "Print the version.", command_version, NEEDS_NOTHING, {{0}}},
};
/* clang-format on */
enum { COMMANDS_N = sizeof commands / sizeof *commands };

/* ---- what was given ---- */

static const struct option_spec *find_option(const struct command *c, const char *name, size_t len) {
    for (const struct option_spec *o = c->options; o < c->options + OPTIONS_MAX && o->name; o++)
        if (strlen(o->name) == len && !strncmp(o->name, name, len)) return o;
    return NULL;
}

const char *argument_at(const struct arguments *a, const char *name, size_t i) {
    const struct option_spec *o = find_option(a->command, name, strlen(name));
    assert(o);
    for (size_t g = 0; g < a->n; g++)
        if (a->given[g].option == o && !i--) return a->given[g].value;
    return NULL;
}

size_t arguments_n(const struct arguments *a, const char *name) {
    size_t n = 0;
    while (argument_at(a, name, n)) n++;
    return n;
}

const char *argument(const struct arguments *a, const char *name) {
    size_t n = arguments_n(a, name);
    return n ? argument_at(a, name, n - 1) : find_option(a->command, name, strlen(name))->fallback;
}

bool argument_on(const struct arguments *a, const char *name) { return arguments_n(a, name) > 0; }

int64_t argument_number(const struct arguments *a, const char *name) {
    const char *text = argument(a, name);
    return text ? strtoll(text, NULL, 10) : 0;
}

/* ---- parsing ---- */

static bool wrong(const struct command *c, const char *what, const char *which) {
    fprintf(stderr, "mdr-gateway %s: %s%s\nTry: mdr-gateway %s --help\n", c->name, what, which, c->name);
    return false;
}

static bool check_value(const struct command *c, const struct option_spec *o, const char *value) {
    unsigned long long number;
    char text[160];
    if (!o->number) return *value || wrong(c, "empty value for --", o->name);
    if (parse_uint(value, (unsigned long long)o->most, &number) && (int64_t)number >= o->least) return true;
    snprintf(text, sizeof text, "--%s takes a number from %lld to %lld, not ", o->name, (long long)o->least,
             (long long)o->most);
    return wrong(c, text, value);
}

static bool take(struct arguments *a, const struct option_spec *o, const char *value) {
    if (!check_value(a->command, o, value)) return false;
    if (a->n == GIVEN_MAX) return wrong(a->command, "too many options", "");
    if (!o->many && arguments_n(a, o->name)) return wrong(a->command, "given twice: --", o->name);
    a->given[a->n].option = o;
    a->given[a->n++].value = value;
    return true;
}

/* Takes one option off the front of argv (one or two words). */
static bool take_option(struct arguments *a, char ***argv) {
    const char *word = *(*argv)++, *name = word + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] ? name + len + 1 : NULL;
    const struct option_spec *o = find_option(a->command, name, len);
    bool is_config = len == 6 && !strncmp(name, "config", len);
    if (!o && !is_config) return wrong(a->command, "unknown option ", word);
    if (o && !o->value_name) return value ? wrong(a->command, "takes no value: ", word) : take(a, o, "on");
    if (!value && **argv) value = *(*argv)++;
    if (!value) return wrong(a->command, "needs a value: ", word);
    if (o) return take(a, o, value);
    a->config_file = value;
    return true;
}

static bool parse_options(struct arguments *a, char **argv) {
    while (*argv) {
        if (!strcmp(*argv, "--help") || !strcmp(*argv, "-h")) {
            a->help = true;
            return true;
        }
        if (strncmp(*argv, "--", 2) != 0 || !(*argv)[2]) return wrong(a->command, "unexpected: ", *argv);
        if (!take_option(a, &argv)) return false;
    }
    for (const struct option_spec *o = a->command->options; o < a->command->options + OPTIONS_MAX && o->name; o++)
        if (o->required && !argument(a, o->name)) return wrong(a->command, "missing --", o->name);
    return true;
}

/* A name of two words takes two of argv. */
static const struct command *find_command(char ***argv) {
    char name[64];
    for (int words = 1; words <= 2 && (*argv)[words - 1]; words++) {
        snprintf(name, sizeof name, "%.30s%s%.30s", (*argv)[0], words == 2 ? " " : "", words == 2 ? (*argv)[1] : "");
        for (size_t i = 0; i < COMMANDS_N; i++)
            if (!strcmp(commands[i].name, name)) {
                *argv += words;
                return &commands[i];
            }
    }
    return NULL;
}

/* ---- help ---- */

static void print_settings(FILE *out) {
    char *text = config_help();
    fprintf(out,
            "\nSettings (environment, or KEY=VALUE lines in the file named by --config; the environment wins):\n\n%s",
            text);
    free(text);
}

static void print_help(FILE *out) {
    fputs("Usage: mdr-gateway [--config FILE] COMMAND [OPTIONS]\n\nCommands:\n", out);
    for (size_t i = 0; i < COMMANDS_N; i++) fprintf(out, "  %-18s %s\n", commands[i].name, commands[i].help);
    fputs("\nmdr-gateway COMMAND --help shows a command's options.\n", out);
    print_settings(out);
}

static void print_command_help(const struct command *c) {
    printf("Usage: mdr-gateway %s [OPTIONS]\n\n%s\n\nOptions:\n", c->name, c->help);
    for (const struct option_spec *o = c->options; o < c->options + OPTIONS_MAX && o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", o->name, o->value_name ? o->value_name : "");
        printf("  %-24s %s%s", left, o->help, o->required ? " Required." : "");
        if (o->fallback) printf(" Default: %s.", o->fallback);
        putchar('\n');
    }
    printf("  %-24s %s\n", "--config FILE", "Settings, KEY=VALUE lines.");
    if (c->needs > NEEDS_NOTHING) print_settings(stdout);
}

/* ---- running ---- */

static enum err load_keys(void) {
    scope_buf struct buf why;
    buf_init(&why, 4096);
    enum err e = keys_load(config()->key_file, now_ms(), &why);
    if (e != OK) home_complain("%s", buf_text(&why));
    return e;
}

/* Connections, webhooks in flight and the database together are more than the usual 1,024. */
static void raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED) return;
    limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int run_with_database(const struct arguments *a) {
    stopping_watch();
    raise_file_limit();
    int code = load_keys() == OK && database_open() == OK ? a->command->run(a) : EXIT_FAILED;
    database_close();
    return code;
}

static int run(const struct arguments *a) {
    enum needs needs = a->command->needs;
    if (needs >= NEEDS_CONFIG && config_load(a->config_file) != OK) return EXIT_USAGE;
    if (needs >= NEEDS_HOME && (home_prepare() != OK || random_start() != OK)) return EXIT_FAILED;
    int code = needs == NEEDS_DATABASE ? run_with_database(a) : a->command->run(a);
    if (fflush(stdout) != 0) code = EXIT_FAILED;
    config_free();
    return code;
}

static bool is_word(const char *text, const char *one, const char *other) {
    return text && (!strcmp(text, one) || !strcmp(text, other));
}

int commands_main(int argc, char **argv) {
    struct arguments a = {0};
    argv += argc > 0;
    if (is_word(*argv, "--config", "-c") && argv[1]) {
        a.config_file = argv[1];
        argv += 2;
    }
    if (is_word(*argv, "--help", "-h") || is_word(*argv, "help", "help")) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (is_word(*argv, "--version", "-V")) *argv = "version";
    a.command = find_command(&argv);
    if (!a.command) {
        if (*argv) fprintf(stderr, "mdr-gateway: no such command: %s\n\n", *argv);
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (!parse_options(&a, argv)) return EXIT_USAGE;
    if (!a.help) return run(&a);
    print_command_help(a.command);
    return EXIT_DONE;
}
