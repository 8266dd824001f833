#include "base/config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cidr.h"
#include "base/log.h"
#include "base/strings.h"

extern char **environ;

enum kind { TEXT, PATH, SECRET, ADDRESS, CIDRS, LEVEL, SWITCH, NUMBER };

struct setting {
    enum kind kind;
    const char *name, *value, *help; /* value: the default */
    int64_t least, most;
    size_t offset; /* of the member in struct config */
};

#define AT(member) .offset = offsetof(struct config, member)
#define WORDS(kind_, member, name_, value_, help_)                                                                     \
    {.kind = kind_, .name = name_, .value = value_, .help = help_, AT(member)},
#define TEXT_(...) WORDS(TEXT, __VA_ARGS__)
#define PATH_(...) WORDS(PATH, __VA_ARGS__)
#define SECRET_(...) WORDS(SECRET, __VA_ARGS__)
#define ADDRESS_(...) WORDS(ADDRESS, __VA_ARGS__)
#define CIDRS_(...) WORDS(CIDRS, __VA_ARGS__)
#define LEVEL_(...) WORDS(LEVEL, __VA_ARGS__)
#define SWITCH_(...) WORDS(SWITCH, __VA_ARGS__)
#define NUMBER_(member, name_, value_, least_, most_, help_)                                                           \
    {.kind = NUMBER, .name = name_, .value = #value_, .help = help_, .least = least_, .most = most_, AT(member)},

static const struct setting settings[] = {
    CONFIG_TABLE(TEXT_, PATH_, SECRET_, ADDRESS_, CIDRS_, LEVEL_, SWITCH_, NUMBER_)};

enum { SETTINGS_N = sizeof settings / sizeof *settings, SECRET_BYTES_MAX = 64 * 1024, FILE_BYTES_MAX = 256 * 1024 };

static struct config current;
static bool data_dir_keeps_keys;

/* What was found for each setting before it is parsed; given[] is the setting itself, from_file[] its NAME_FILE. */
struct found {
    char *given[SETTINGS_N];
    char *from_file[SETTINGS_N];
    int faults;
};

static void complain(struct found *f, const char *name, const char *what, const char *value) {
    fprintf(stderr, "mdr-gateway: %s: %s%s%s%s\n", name, what, value ? " '" : "", value ? value : "", value ? "'" : "");
    f->faults++;
}

static const char **text_at(const struct setting *s) { return (const char **)((char *)&current + s->offset); }

static bool is_text(enum kind kind) { return kind != SWITCH && kind != NUMBER; }

const struct config *config(void) { return &current; }

void config_free(void) {
    for (size_t i = 0; i < SETTINGS_N; i++)
        if (is_text(settings[i].kind)) free((char *)*text_at(&settings[i]));
    current = (struct config){0};
}

bool address_parse(const char *text, struct address *out) {
    const char *colon = strrchr(text, ':');
    unsigned long long port;
    if (!colon || !parse_uint(colon + 1, 65535, &port)) return false;
    size_t len = (size_t)(colon - text);
    bool bracketed = len > 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        text++;
        len -= 2;
    }
    if (!len || len >= sizeof out->host || (!bracketed && strcspn(text, ":[] ") < len)) return false;
    memcpy(out->host, text, len);
    out->host[len] = 0;
    out->port = (uint16_t)port;
    return true;
}

/* The slot of a name as written in environment or file; NULL = no such setting. */
static char **slot_of(struct found *f, const char *name, size_t len) {
    for (size_t i = 0; i < SETTINGS_N; i++) {
        size_t n = strlen(settings[i].name);
        if (len < n || strncmp(settings[i].name, name, n) != 0) continue;
        if (len == n) return &f->given[i];
        if (settings[i].kind == SECRET && len == n + 5 && !strncmp(name + n, "_FILE", 5)) return &f->from_file[i];
    }
    return NULL;
}

static void put(char **slot, const char *value) {
    free(*slot);
    *slot = strdup(value);
}

/* "value" and 'value' lose their quotes, as in an environment file of systemd. */
static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n && strchr(" \t\r\n", text[n - 1])) text[--n] = 0;
    if (n < 2 || (text[0] != '"' && text[0] != '\'') || text[n - 1] != text[0]) return text;
    text[n - 1] = 0;
    return text + 1;
}

static void read_line(struct found *f, const char *file, int number, char *line) {
    char place[PATH_MAX + 32];
    snprintf(place, sizeof place, "%s:%d", file, number);
    line = trim(line);
    if (!*line || *line == '#') return;
    char *equals = strchr(line, '=');
    if (!equals) {
        complain(f, place, "not of the form NAME=VALUE", NULL);
        return;
    }
    *equals = 0;
    char *name = trim(line), *value = trim(equals + 1);
    char **slot = slot_of(f, name, strlen(name));
    if (!slot)
        complain(f, place, "no such setting", name);
    else if (*value)
        put(slot, value);
}

static void read_file(struct found *f, const char *file) {
    FILE *in = fopen(file, "re");
    if (!in) {
        complain(f, file, strerrordesc_np(errno), NULL);
        return;
    }
    char *line = NULL;
    size_t size = 0;
    for (int number = 1; getline(&line, &size, in) >= 0; number++) read_line(f, file, number, line);
    free(line);
    fclose(in);
}

/* The environment's value or file takes the place of both of the config file. */
static void read_environment(struct found *f) {
    for (size_t i = 0; i < SETTINGS_N; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s_FILE", settings[i].name);
        const char *value = getenv(settings[i].name), *file = settings[i].kind == SECRET ? getenv(name) : NULL;
        if ((!value || !*value) && (!file || !*file)) continue;
        free(f->given[i]);
        free(f->from_file[i]);
        f->given[i] = value && *value ? strdup(value) : NULL;
        f->from_file[i] = file && *file ? strdup(file) : NULL;
    }
}

static void warn_of_unknown_names(struct found *f) {
    for (char **e = environ; *e; e++) {
        size_t n = strcspn(*e, "=");
        char name[80];
        snprintf(name, sizeof name, "%.*s", (int)n, *e);
        if (!strncmp(name, "MDR_", 4) && !slot_of(f, *e, n)) LOG(WARN, "unknown_setting", log_s("name", name));
    }
}

static char *read_secret(struct found *f, const char *name, const char *path) {
    FILE *in = fopen(path, "re");
    char *text = calloc(1, SECRET_BYTES_MAX);
    size_t n = in && text ? fread(text, 1, SECRET_BYTES_MAX - 1, in) : 0;
    if (!in || ferror(in) || !n) complain(f, name, "cannot read its file, or it is empty:", path);
    if (in) fclose(in);
    while (n && strchr("\r\n", text[n - 1])) text[--n] = 0;
    return text;
}

static char *absolute(const char *path) {
    char here[PATH_MAX], *out = NULL;
    if (path[0] == '/' || !*path) return strdup(path);
    if (path[0] == '.' && path[1] == '/') path += 2;
    if (!getcwd(here, sizeof here) || asprintf(&out, "%s/%s", strcmp(here, "/") != 0 ? here : "", path) < 0)
        return NULL;
    return out;
}

static void set_number(struct found *f, const struct setting *s, const char *value) {
    unsigned long long number = 0;
    char range[64];
    snprintf(range, sizeof range, "takes a number from %lld to %lld, not", (long long)s->least, (long long)s->most);
    if (!parse_uint(value, (unsigned long long)s->most, &number) || (int64_t)number < s->least)
        complain(f, s->name, range, value);
    *(int64_t *)((char *)&current + s->offset) = (int64_t)number;
}

static void set_switch(struct found *f, const struct setting *s, const char *value) {
    bool on = !strcmp(value, "on");
    if (!on && strcmp(value, "off") != 0) complain(f, s->name, "takes on or off, not", value);
    *((bool *)((char *)&current + s->offset)) = on;
}

static void set_text(struct found *f, const struct setting *s, char *value) {
    struct address address;
    enum log_level level;
    if (s->kind == ADDRESS && !address_parse(value, &address)) complain(f, s->name, "takes host:port, not", value);
    if (s->kind == CIDRS && !cidr_list_ok(value)) complain(f, s->name, "takes CIDRs, comma separated, not", value);
    if (s->kind == LEVEL && !log_parse_level(value, &level))
        complain(f, s->name, "takes error, warn, info or debug, not", value);
    *text_at(s) = s->kind == PATH ? absolute(value) : strdup(value);
}

static void set(struct found *f, size_t i) {
    const struct setting *s = &settings[i];
    if (f->given[i] && f->from_file[i]) complain(f, s->name, "is given twice: as itself and as its _FILE", NULL);
    char *secret = f->from_file[i] ? read_secret(f, s->name, f->from_file[i]) : NULL;
    char *value = secret ? secret : f->given[i] ? f->given[i] : (char *)s->value;
    if (s->kind == NUMBER)
        set_number(f, s, value);
    else if (s->kind == SWITCH)
        set_switch(f, s, value);
    else
        set_text(f, s, value);
    free(secret);
}

static void key_file_in(const char *data_dir) {
    char *path = NULL;
    if (asprintf(&path, "%s/keys.json", data_dir) < 0) return;
    free((char *)current.key_file);
    current.key_file = path;
}

void config_set_data_dir(const char *path) {
    free((char *)current.data_dir);
    current.data_dir = strdup(path);
    if (data_dir_keeps_keys) key_file_in(path);
}

static void set_default_public_url(void) {
    char *url = NULL;
    if (*current.public_url || asprintf(&url, "http://%s", current.listen) < 0) return;
    free((char *)current.public_url);
    current.public_url = url;
}

enum err config_load(const char *file) {
    struct found f = {0};
    config_free();
    if (file) read_file(&f, file);
    read_environment(&f);
    for (size_t i = 0; i < SETTINGS_N; i++) set(&f, i);
    for (size_t i = 0; i < SETTINGS_N; i++) {
        free(f.given[i]);
        free(f.from_file[i]);
    }
    data_dir_keeps_keys = !*current.key_file;
    if (data_dir_keeps_keys) key_file_in(current.data_dir);
    set_default_public_url();
    enum log_level level = LOG_LEVEL_INFO;
    if (log_parse_level(current.log_level, &level)) log_set_level(level);
    if (f.faults) return ERR_INVALID;
    warn_of_unknown_names(&f);
    return OK;
}

char *config_help(void) {
    struct buf b;
    buf_init(&b, FILE_BYTES_MAX);
    for (size_t i = 0; i < SETTINGS_N; i++) {
        const struct setting *s = &settings[i];
        buf_addf(&b, "  %s%s%s%s\n      ", s->name, *s->value ? " (" : "", s->value, *s->value ? ")" : "");
        for (const char *c = s->help; *c; c++)
            if (*c != '`') buf_addc(&b, *c);
        buf_adds(&b, "\n");
    }
    buf_adds(
        &b, "\n  MDR_DATABASE_URL, MDR_MIGRATE_URL and MDR_SMTP_URL may also be files: MDR_DATABASE_URL_FILE=/path.\n");
    return buf_take(&b, NULL);
}

char *config_markdown(void) {
    struct buf b;
    buf_init(&b, FILE_BYTES_MAX);
    buf_adds(&b, "| Setting | Default | Meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < SETTINGS_N; i++) {
        const struct setting *s = &settings[i];
        const char *quote = *s->value ? "`" : "";
        buf_addf(&b, "| `%s` | %s%s%s | %s%s |\n", s->name, quote, s->value, quote, s->help,
                 s->kind == SECRET ? " Also as `_FILE`." : "");
    }
    return buf_take(&b, NULL);
}

static void add_json(struct buf *b, const struct setting *s) {
    const char *at = (const char *)&current + s->offset;
    if (s->kind == NUMBER)
        json_kint(b, s->name, *(const int64_t *)at);
    else if (s->kind == SWITCH)
        json_kbool(b, s->name, *(const bool *)at);
    else
        json_kstr(b, s->name, s->kind == SECRET && **text_at(s) ? "***" : *text_at(s));
}

char *config_json(void) {
    struct buf b;
    buf_init(&b, FILE_BYTES_MAX);
    json_open(&b, '{');
    for (size_t i = 0; i < SETTINGS_N; i++) add_json(&b, &settings[i]);
    json_close(&b, '}');
    return buf_take(&b, NULL);
}
