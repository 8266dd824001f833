#include "responses/critical.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "responses/critical_lists.h"

enum { ARENA_BYTES = 16 * 1024 * 1024 };

/* A name cut into components. */
struct parts {
    const char **v;
    size_t n;
    bool rooted;  /* begins at a root; else it may lie anywhere */
    bool windows; /* 8.3 names and wildcards are looked out for */
};

/* ---- cutting ---- */

/* Windows knows these letters as other forms of ASCII ones, or may. */
static const struct {
    const char *bytes, letter;
} folded_letters[] = {{"\xC5\xBF", 's'}, {"\xE2\x84\xAA", 'k'}, {"\xC4\xB1", 'i'}, {"\xC4\xB0", 'i'}};

static const char *fold(struct arena *a, const char *text) {
    char *out = arena_alloc(a, strlen(text) + 1), *to = out;
    while (*text) {
        size_t taken = 0;
        for (size_t i = 0; i < sizeof folded_letters / sizeof *folded_letters && !taken; i++) {
            size_t len = strlen(folded_letters[i].bytes);
            if (strncmp(text, folded_letters[i].bytes, len) != 0) continue;
            *to++ = folded_letters[i].letter;
            taken = len;
        }
        if (!taken) *to++ = (char)tolower((unsigned char)*text);
        text += taken ? taken : 1;
    }
    return out;
}

static struct parts cut(struct arena *a, const char *text, const char *separators) {
    struct parts p = {.v = arena_alloc(a, (strlen(text) + 8) * sizeof(char *))};
    p.rooted = *text && strchr(separators, *text);
    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        size_t len = strcspn(text, separators);
        p.v[p.n++] = arena_strndup(a, text, len);
        text += len;
    }
    return p;
}

static void drop_first(struct parts *p, size_t n) {
    if (n > p->n) n = p->n;
    p->v += n;
    p->n -= n;
    p->rooted = true;
}

static void resolve_dots(struct parts *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (!strcmp(p->v[i], ".") || !*p->v[i]) continue;
        if (strcmp(p->v[i], "..") != 0)
            p->v[n++] = p->v[i];
        else if (n)
            n--;
        else
            p->rooted = true; /* climbed out of where it began: take it from the root */
    }
    p->n = n;
}

static struct parts joined(struct arena *a, const char *folder, const struct parts *rest) {
    struct parts front = cut(a, folder, "/");
    struct parts p = {.v = arena_alloc(a, (front.n + rest->n + 1) * sizeof(char *)), .rooted = true};
    for (size_t i = 0; i < front.n; i++) p.v[p.n++] = front.v[i];
    for (size_t i = 0; i < rest->n; i++) p.v[p.n++] = rest->v[i];
    return p;
}

/* ---- Windows paths ---- */

/* Win32 drops blanks and dots at the end of a name; the name of a stream behind a colon is no part of the file name. */
static void trim_component(char *s) {
    size_t len = strcspn(s, ":");
    while (len && s[len - 1] == ' ') len--;
    s[len] = 0;
    if (!strcmp(s, ".") || !strcmp(s, "..")) return;
    while (len && (s[len - 1] == ' ' || s[len - 1] == '.')) len--;
    s[len] = 0;
}

static bool is_volume(const char *s) {
    return !strncmp(s, "harddisk", 8) || !strncmp(s, "volume{", 7) || !strncmp(s, "bootpartition", 13);
}

static bool is_namespace(const char *s) {
    static const char *const names[] = {"?",          ".",      "??",     "globalroot", "global??",
                                        "dosdevices", "device", "global", "arcname"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(s, names[i])) return true;
    return false;
}

static void drop_devices(struct arena *a, struct parts *p, bool unc) {
    bool was_namespace = false;
    while (p->n && p->rooted && is_namespace(p->v[0])) {
        was_namespace = true;
        drop_first(p, 1);
    }
    if (p->n && was_namespace &&
        (!strcmp(p->v[0], "unc") || !strcmp(p->v[0], "mup") || !strcmp(p->v[0], "lanmanredirector"))) {
        drop_first(p, 1);
        unc = true;
        was_namespace = false;
    }
    if (unc && !was_namespace && p->n >= 2) {
        bool admin = !strcmp(p->v[1], "admin$");
        drop_first(p, 2);
        if (admin) *p = joined(a, "windows", p);
    }
    while (p->n && (was_namespace || p->rooted) && is_volume(p->v[0])) drop_first(p, 1);
    if (p->n && p->rooted && !strcmp(p->v[0], "systemroot")) {
        drop_first(p, 1);
        *p = joined(a, "windows", p);
    }
}

static void drop_drive(struct parts *p) {
    if (!p->n || !isalpha((unsigned char)p->v[0][0]) || p->v[0][1] != ':') return;
    p->v[0] += 2;
    p->rooted = true;
}

static void expand_variable(struct arena *a, struct parts *p) {
    if (!p->n || p->v[0][0] != '%') return;
    for (size_t i = 0; i < sizeof windows_variables / sizeof *windows_variables; i++) {
        size_t len = strlen(windows_variables[i].name);
        if (strncmp(p->v[0], windows_variables[i].name, len) != 0) continue;
        const char *rest = p->v[0] + len;
        p->v[0] = rest;
        *p = joined(a, windows_variables[i].folder, p);
        return;
    }
    p->rooted = true; /* unknown: a wildcard at the root */
}

static struct parts windows_path(struct arena *a, const char *path) {
    const char *folded = fold(a, path);
    folded += strspn(folded, " \t\"");
    bool unc = folded[0] && strchr("\\/", folded[0]) && folded[1] && strchr("\\/", folded[1]);
    struct parts p = cut(a, folded, "\\/\"");
    p.rooted = *folded && strchr("\\/", *folded);
    drop_devices(a, &p, unc);
    drop_drive(&p);
    expand_variable(a, &p);
    for (size_t i = 0; i < p.n; i++) {
        char *copy = arena_strdup(a, p.v[i]);
        trim_component(copy);
        p.v[i] = copy;
    }
    resolve_dots(&p);
    p.windows = true;
    return p;
}

/* ---- the others' paths ---- */

static bool starts(const struct parts *p, const char *first, const char *second) {
    return p->rooted && p->n >= 2 && !strcmp(p->v[0], first) && fnmatch(second, p->v[1], FNM_NOESCAPE) == 0;
}

static struct parts linux_path(struct arena *a, const char *path) {
    struct parts p = cut(a, path, "/");
    resolve_dots(&p);
    /* /bin, /sbin and /lib* are links into /usr on nearly all systems. */
    if (starts(&p, "usr", "bin") || starts(&p, "usr", "sbin")) drop_first(&p, 1);
    if (starts(&p, "usr", "lib*") && strcmp(p.v[1], "libexec") != 0) drop_first(&p, 1);
    return p;
}

static struct parts macos_path(struct arena *a, const char *path) {
    struct parts p = cut(a, fold(a, path), "/");
    resolve_dots(&p);
    if (starts(&p, "system", "volumes") && p.n >= 3 && !strcmp(p.v[2], "data")) drop_first(&p, 3);
    if (starts(&p, "volumes", "*") && p.n >= 3) drop_first(&p, 2);
    if (starts(&p, "private", "*")) drop_first(&p, 1);
    return p;
}

/* ---- comparing ---- */

/* "progra~1", "pr1a2b~1": may it be the short name of what the rule calls `name`? Extensions are left aside. */
static bool short_name_fits(const char *name, const char *part) {
    size_t stem = strcspn(part, "~");
    if (part[stem] != '~' || !isdigit((unsigned char)part[stem + 1])) return false;
    char letters[8] = "";
    size_t n = 0;
    for (const char *c = name; *c && *c != '*' && n < sizeof letters; c++)
        if (!strchr(" .", *c)) letters[n++] = *c;
    if (stem <= n && !strncmp(letters, part, stem)) return true;
    if (strchr(name, '*') && stem > n) return !strncmp(letters, part, n);
    return stem == 6 && n >= 2 && !strncmp(letters, part, 2) && strspn(part + 2, "0123456789abcdef") >= 4;
}

/* Where a wildcard or a variable begins; the length where there is none. */
static size_t literal_bytes(const char *part) {
    size_t wild = strcspn(part, "*?<>");
    const char *percent = strchr(part, '%');
    if (percent && strchr(percent + 1, '%') && (size_t)(percent - part) < wild) return (size_t)(percent - part);
    return wild;
}

enum fit { FIT_NO, FIT_YES, FIT_ANYTHING };

static enum fit part_fits(const char *name, const char *part, bool windows) {
    size_t literal = literal_bytes(part);
    if (windows && part[literal]) {
        size_t fixed = strcspn(name, "*");
        return strncmp(name, part, literal < fixed ? literal : fixed) == 0 ? FIT_ANYTHING : FIT_NO;
    }
    if (fnmatch(name, part, FNM_NOESCAPE) == 0) return FIT_YES;
    return windows && short_name_fits(name, part) ? FIT_YES : FIT_NO;
}

/* rule: the components of a rule from some point on. A path that ends earlier is a folder that holds the object. */
static bool parts_fit(const struct parts *rule, size_t from, const struct parts *path, bool tree) {
    for (size_t i = 0; i < path->n; i++) {
        if (from + i >= rule->n) return tree;
        enum fit fit = part_fits(rule->v[from + i], path->v[i], path->windows);
        if (fit != FIT_YES) return fit == FIT_ANYTHING;
    }
    return true;
}

static bool rule_hits(struct arena *a, const char *folder, const char *name, const struct parts *path, bool tree) {
    struct parts rule = cut(a, arena_printf(a, "%s/%s", folder, name), "/");
    if (parts_fit(&rule, 0, path, tree)) return true;
    for (size_t from = 1; !path->rooted && from < rule.n; from++)
        if (parts_fit(&rule, from, path, tree)) return true;
    return false;
}

static bool names_hit(struct arena *a, const struct critical_rule *rule, const char *folder, const struct parts *path) {
    for (const char *const *name = rule->names; *name; name++)
        if (rule_hits(a, folder, *name, path, rule->flags & TREE)) return true;
    return false;
}

static bool rules_hit(struct arena *a, enum system system, enum critical_act act, const struct parts *path) {
    if (!path->n) return true;
    for (size_t i = 0; i < sizeof critical_rules / sizeof *critical_rules; i++) {
        const struct critical_rule *rule = &critical_rules[i];
        if (rule->system != system || (act == CRITICAL_KILL && !(rule->flags & KILL))) continue;
        for (const char *const *folder = rule->folders; *folder; folder++)
            if (names_hit(a, rule, *folder, path)) return true;
    }
    return false;
}

static bool system_hits(enum system system, enum critical_act act, const char *path) {
    static struct parts (*const readers[])(struct arena * a, const char *path) = {
        [SYSTEM_WINDOWS] = windows_path, [SYSTEM_LINUX] = linux_path, [SYSTEM_MACOS] = macos_path};
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct parts parts = readers[system](&a, path);
    bool hit = rules_hit(&a, system, act, &parts);
    arena_free(&a);
    return hit;
}

bool critical_path(unsigned systems, enum critical_act act, const char *path) {
    static const enum system all[] = {SYSTEM_WINDOWS, SYSTEM_LINUX, SYSTEM_MACOS};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if ((systems & all[i]) && system_hits(all[i], act, path)) return true;
    return false;
}

bool critical_pid(int64_t pid) { return pid == 0 || pid == 1 || pid == 4; }

/* ---- registry ---- */

static const char *root_of(const char *part) {
    size_t len = strcspn(part, ":");
    for (size_t i = 0; i < sizeof registry_roots / sizeof *registry_roots; i++)
        if (strlen(registry_roots[i].name) == len && !strncmp(registry_roots[i].name, part, len))
            return registry_roots[i].root;
    return NULL;
}

static void unify_registry(struct arena *a, struct parts *p) {
    while (p->n && (!strcmp(p->v[0], "registry") || !strcmp(p->v[0], "computer") || !strcmp(p->v[0], "registry::")))
        drop_first(p, 1);
    if (p->n && !strncmp(p->v[0], "registry::", 10)) p->v[0] += 10;
    if (!p->n) return;
    const char *root = root_of(p->v[0]);
    if (root)
        p->v[0] = root;
    else
        *p = joined(a, "hklm", p);
    if (p->n > 2 && fnmatch("controlset[0-9]*", p->v[2], 0) == 0 && !strcmp(p->v[1], "system"))
        p->v[2] = "currentcontrolset";
    if (p->n > 2 && !strcmp(p->v[2], "wow6432node")) {
        for (size_t i = 2; i + 1 < p->n; i++) p->v[i] = p->v[i + 1];
        p->n--;
    }
}

static struct parts registry_path(struct arena *a, const char *key) {
    const char *folded = fold(a, key);
    struct parts p = cut(a, folded, strchr(folded, '\\') ? "\\" : "/");
    unify_registry(a, &p);
    p.rooted = true;
    p.windows = true;
    return p;
}

/* whole: the key goes with everything below; else one value in it. */
static bool key_hit(const struct parts *rule, int kind, const struct parts *key, bool whole) {
    bool below = key->n > rule->n, above = key->n < rule->n;
    if (!parts_fit(rule, 0, key, kind == REG_ALL)) return false;
    if (below || kind == REG_ALL) return !above || whole;
    return whole || (!above && kind == REG_VALUES);
}

static bool children_hit(struct arena *a, const struct critical_key *k, const char *parent, const struct parts *key,
                         bool whole) {
    for (const char *const *name = k->names; *name; name++) {
        struct parts rule = cut(a, arena_printf(a, "%s/%s", parent, *name), "/");
        if (key_hit(&rule, k->kind, key, whole)) return true;
    }
    return false;
}

static bool keys_hit(struct arena *a, const struct parts *key, bool whole) {
    for (size_t i = 0; i < sizeof critical_keys / sizeof *critical_keys; i++)
        for (const char *const *parent = critical_keys[i].parents; *parent; parent++)
            if (children_hit(a, &critical_keys[i], *parent, key, whole)) return true;
    return false;
}

bool critical_registry(const char *key, const char *value) {
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    struct parts p = registry_path(&a, key);
    bool hit = p.n < 2 || keys_hit(&a, &p, !value);
    if (!hit && !value) { /* some write the value behind the key */
        p.n--;
        hit = keys_hit(&a, &p, false);
    }
    arena_free(&a);
    return hit;
}
