#include "api/validate.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "api/formats.h"

enum { NAME_SHOWN_MAX = 60, DISTANCE_NAME_MAX = 64, TEXT_SHOWN_MAX = 80 };

/* Where a value stands; the pointer's text is made only when something is wrong. */
struct place {
    const struct place *up;
    const char *text; /* a ready pointer, "" for the request itself */
    const char *name;
    size_t index;
};

struct check {
    struct request *r;
    enum err err;
};

static size_t clip(const char *s, size_t max) {
    size_t len = strlen(s);
    if (len <= max) return len;
    while (max && ((unsigned char)s[max] & 0xC0) == 0x80) max--;
    return max;
}

static void pointer_add_name(struct buf *b, const char *name) {
    size_t len = clip(name, NAME_SHOWN_MAX);
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '~')
            buf_adds(b, "~0");
        else if (name[i] == '/')
            buf_adds(b, "~1");
        else
            buf_addc(b, name[i]);
    }
}

static void pointer_add(struct buf *b, const struct place *at) {
    if (at->up) pointer_add(b, at->up);
    if (at->text) {
        buf_adds(b, at->text);
        return;
    }
    buf_addc(b, '/');
    if (at->name)
        pointer_add_name(b, at->name);
    else
        buf_addf(b, "%zu", at->index);
}

static bool full(const struct check *c) { return c->r->fault.items_n >= FAULT_ITEMS_MAX; }

__attribute__((format(printf, 3, 4))) static void refuse(struct check *c, const struct place *at, const char *format,
                                                         ...) {
    c->err = ERR_INVALID;
    if (full(c)) return;
    scope_buf struct buf pointer;
    buf_init(&pointer, 4096);
    pointer_add(&pointer, at);
    va_list args;
    va_start(args, format);
    const char *detail = arena_vprintf(c->r->arena, format, args);
    va_end(args);
    (void)fail_at(c->r, arena_strdup(c->r->arena, buf_text(&pointer)), "%s", detail);
}

static void *field(void *args, size_t offset) { return (char *)args + offset; }

/* ---- unknown members */

static size_t least(size_t a, size_t b, size_t c) {
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

static size_t edit_distance(const char *a, const char *b) {
    size_t row[DISTANCE_NAME_MAX + 1];
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

static const char *nearest(const struct schema *schema, const char *name, size_t *best_distance) {
    const char *best = NULL;
    *best_distance = SIZE_MAX;
    for (size_t i = 0; i < schema->members_n; i++) {
        const char *known = schema->members[i].name;
        if (strlen(known) > DISTANCE_NAME_MAX) continue;
        size_t distance = edit_distance(name, known);
        if (distance >= *best_distance) continue;
        best = known;
        *best_distance = distance;
    }
    return best;
}

static void refuse_unknown(struct check *c, const struct place *at, const struct schema *schema, const char *name) {
    size_t distance = 0;
    const char *near = strlen(name) <= DISTANCE_NAME_MAX ? nearest(schema, name, &distance) : NULL;
    if (!near)
        refuse(c, at, "unknown member");
    else if (distance <= strlen(name) / 2)
        refuse(c, at, "unknown member; did you mean \"%s\"?", near);
    else
        refuse(c, at, "unknown member; the nearest known one is \"%s\"", near);
}

static const struct member *find(const struct schema *schema, const char *name) {
    for (size_t i = 0; i < schema->members_n; i++)
        if (!strcmp(schema->members[i].name, name)) return &schema->members[i];
    return NULL;
}

/* ---- strings */

static int64_t code_points(const char *s) {
    int64_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* C0, DEL, C1 (U+0080..9F is C2 80..9F) and the line and paragraph separators (E2 80 A8, A9). */
static bool has_control(const char *s) {
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (*p < 0x20 || *p == 0x7F) return true;
        if (*p == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0) return true;
        if (*p == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9)) return true;
    }
    return false;
}

static const char *choices_text(struct check *c, const struct member *m) {
    scope_buf struct buf b;
    buf_init(&b, 4096);
    for (size_t i = 0; i < m->choices_n; i++) buf_addf(&b, "%s\"%s\"", i ? ", " : "", m->choices[i].text);
    return arena_strdup(c->r->arena, buf_text(&b));
}

static const char *choose(struct check *c, const struct place *at, const struct member *m, const char *s) {
    for (size_t i = 0; i < m->choices_n; i++)
        if (!strcmp(m->choices[i].text, s)) return m->choices[i].value;
    refuse(c, at, "\"%.*s\" is not one of %s", (int)clip(s, TEXT_SHOWN_MAX), s, choices_text(c, m));
    return NULL;
}

/* NULL when refused. */
static const char *check_text(struct check *c, const struct place *at, const struct member *m, const char *s,
                              size_t len) {
    if (strlen(s) != len) {
        refuse(c, at, "must not hold U+0000");
        return NULL;
    }
    if (m->choices) return choose(c, at, m, s);
    int64_t n = code_points(s);
    if (n < m->min) {
        if (m->min == 1)
            refuse(c, at, "must not be empty");
        else
            refuse(c, at, "must have at least %lld characters", (long long)m->min);
        return NULL;
    }
    if (m->max >= 0 && n > m->max) {
        refuse(c, at, "must have at most %lld characters, has %lld", (long long)m->max, (long long)n);
        return NULL;
    }
    if (m->line && has_control(s)) {
        refuse(c, at, "must be one line without control characters");
        return NULL;
    }
    const char *wanted = NULL;
    const char *text = format_check(c->r->arena, m->format, s, &wanted);
    if (!text) refuse(c, at, "must be %s", wanted);
    return text;
}

static const char *check_string(struct check *c, const struct place *at, const struct member *m, json_t *value) {
    if (!json_is_string(value)) {
        refuse(c, at, "must be a string");
        return NULL;
    }
    return check_text(c, at, m, json_string_value(value), json_string_length(value));
}

/* ---- the kinds of members */

static void fill_integer(struct check *c, const struct place *at, const struct member *m, int64_t value, void *args) {
    if (value < m->min || (m->max >= 0 && value > m->max)) {
        if (m->max >= 0)
            refuse(c, at, "must be between %lld and %lld", (long long)m->min, (long long)m->max);
        else
            refuse(c, at, "must be at least %lld", (long long)m->min);
        return;
    }
    *(int64_t *)field(args, m->offset) = value;
    *(bool *)field(args, m->extra_offset) = true;
}

static void fill_boolean(const struct member *m, bool value, void *args) {
    *(bool *)field(args, m->offset) = value;
    *(bool *)field(args, m->extra_offset) = true;
}

static bool check_items(struct check *c, const struct place *at, const struct member *m, size_t n) {
    if ((int64_t)n < m->items_min) {
        if (m->items_min == 1)
            refuse(c, at, "must not be empty");
        else
            refuse(c, at, "must have at least %lld elements", (long long)m->items_min);
        return false;
    }
    if (m->items_max >= 0 && (int64_t)n > m->items_max) {
        refuse(c, at, "must have at most %lld elements, has %zu", (long long)m->items_max, n);
        return false;
    }
    return true;
}

static void fill_strings(struct check *c, const struct place *at, const struct member *m, json_t *value, void *args) {
    struct strings *list = field(args, m->offset);
    bool lone = json_is_string(value);
    if (!lone && !json_is_array(value)) {
        refuse(c, at, "must be an array of strings");
        return;
    }
    size_t n = lone ? 1 : json_array_size(value);
    if (!check_items(c, at, m, n)) return;
    list->v = arena_alloc(c->r->arena, (n + 1) * sizeof *list->v);
    list->n = n;
    if (lone) {
        list->v[0] = check_string(c, at, m, value);
        return;
    }
    for (size_t i = 0; i < n && !full(c); i++) {
        struct place item = {.up = at, .index = i};
        list->v[i] = check_string(c, &item, m, json_array_get(value, i));
    }
}

static void fill(struct check *c, const struct place *at, const struct schema *schema, json_t *object, void *args);

static void fill_object(struct check *c, const struct place *at, const struct member *m, json_t *value, void *args) {
    if (!json_is_object(value)) {
        refuse(c, at, "must be an object");
        return;
    }
    void *object = arena_alloc(c->r->arena, m->object->size);
    fill(c, at, m->object, value, object);
    *(const void **)field(args, m->offset) = object;
}

static void fill_objects(struct check *c, const struct place *at, const struct member *m, json_t *value, void *args) {
    if (!json_is_array(value)) {
        refuse(c, at, "must be an array of objects");
        return;
    }
    size_t n = json_array_size(value), size = m->object->size;
    if (!check_items(c, at, m, n)) return;
    char *objects = arena_alloc(c->r->arena, (n ? n : 1) * size);
    for (size_t i = 0; i < n && !full(c); i++) {
        struct place item = {.up = at, .index = i};
        json_t *element = json_array_get(value, i);
        if (json_is_object(element))
            fill(c, &item, m->object, element, objects + i * size);
        else
            refuse(c, &item, "must be an object");
    }
    *(void **)field(args, m->offset) = objects;
    *(size_t *)field(args, m->extra_offset) = n;
}

static void fill_json(struct check *c, const struct place *at, const struct member *m, json_t *value, void *args) {
    if (json_is_object(value))
        *(json_t **)field(args, m->offset) = value;
    else
        refuse(c, at, "must be an object");
}

static void fill_value(struct check *c, const struct place *at, const struct member *m, json_t *value, void *args) {
    switch (m->kind) {
    case KIND_STRING: *(const char **)field(args, m->offset) = check_string(c, at, m, value); break;
    case KIND_INTEGER:
        if (json_is_integer(value))
            fill_integer(c, at, m, json_integer_value(value), args);
        else
            refuse(c, at, "must be an integer");
        break;
    case KIND_BOOLEAN:
        if (json_is_boolean(value))
            fill_boolean(m, json_is_true(value), args);
        else
            refuse(c, at, "must be true or false");
        break;
    case KIND_STRINGS: fill_strings(c, at, m, value, args); break;
    case KIND_OBJECT: fill_object(c, at, m, value, args); break;
    case KIND_OBJECTS: fill_objects(c, at, m, value, args); break;
    case KIND_JSON: fill_json(c, at, m, value, args); break;
    case KIND_IGNORED: break;
    }
}

/* ---- the whole object */

static void fill_defaults(const struct schema *schema, void *args) {
    for (size_t i = 0; i < schema->members_n; i++) {
        const struct member *m = &schema->members[i];
        if (!m->has_default) continue;
        if (m->kind == KIND_STRING) *(const char **)field(args, m->offset) = m->default_text;
        if (m->kind == KIND_INTEGER) *(int64_t *)field(args, m->offset) = m->default_integer;
        if (m->kind == KIND_BOOLEAN) *(bool *)field(args, m->offset) = m->default_integer != 0;
    }
}

static bool given(json_t *object, const char *name) {
    json_t *value = json_object_get(object, name);
    return value && !json_is_null(value);
}

static void check_required(struct check *c, const struct place *at, const struct schema *schema, json_t *object) {
    for (size_t i = 0; i < schema->members_n; i++) {
        const struct member *m = &schema->members[i];
        struct place member = {.up = at, .name = m->name};
        if (m->required && !given(object, m->name)) refuse(c, &member, "is required");
    }
}

static bool group_given(const char *const *group, json_t *object) {
    for (; *group; group++)
        if (!given(object, *group)) return false;
    return true;
}

static void check_one_of(struct check *c, const struct place *at, const struct schema *schema, json_t *object) {
    if (!schema->one_of) return;
    scope_buf struct buf names;
    buf_init(&names, 1024);
    for (size_t i = 0; schema->one_of[i]; i++) {
        if (group_given(schema->one_of[i], object)) return;
        for (size_t j = 0; schema->one_of[i][j]; j++)
            buf_addf(&names, "%s\"%s\"", j ? " with " : i ? " or " : "", schema->one_of[i][j]);
    }
    refuse(c, at, "needs %s", buf_text(&names));
}

/* True when the member that this one is an alias of is there too and has been (or will be) filled. */
static bool shadowed(struct check *c, const struct place *at, const struct member *m, json_t *object, json_t *value) {
    if (!m->alias_of || !given(object, m->alias_of)) return false;
    if (!json_equal(json_object_get(object, m->alias_of), value))
        refuse(c, at, "is another name of \"%s\" and has another value", m->alias_of);
    return true;
}

static void fill_member(struct check *c, const struct place *at, const struct schema *schema, json_t *object,
                        const char *name, json_t *value, void *args) {
    const struct member *m = find(schema, name);
    if (!m) {
        refuse_unknown(c, at, schema, name);
        return;
    }
    if (json_is_null(value) || shadowed(c, at, m, object, value)) return;
    fill_value(c, at, m, value, args);
}

static void fill(struct check *c, const struct place *at, const struct schema *schema, json_t *object, void *args) {
    fill_defaults(schema, args);
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        if (full(c)) return;
        struct place member = {.up = at, .name = name};
        fill_member(c, &member, schema, object, name, value, args);
    }
    check_required(c, at, schema, object);
    check_one_of(c, at, schema, object);
}

/* ---- entries */

enum err validate_at(struct request *r, const char *pointer, const struct schema *schema, json_t *object, void *args) {
    struct check c = {.r = r, .err = OK};
    struct place root = {.text = pointer};
    if (!args) args = arena_alloc(r->arena, schema->size);
    if (object && !json_is_object(object))
        refuse(&c, &root, "must be an object");
    else
        fill(&c, &root, schema, object, args);
    return c.err;
}

enum err validate(struct request *r, const struct schema *schema, json_t *object, void *args) {
    return validate_at(r, "", schema, object, args);
}

static void fill_query_integer(struct check *c, const struct place *at, const struct member *m, const char *text,
                               void *args) {
    unsigned long long value = 0;
    if (parse_uint(text, INT64_MAX, &value))
        fill_integer(c, at, m, (int64_t)value, args);
    else
        refuse(c, at, "must be an integer");
}

static void fill_query_boolean(struct check *c, const struct place *at, const struct member *m, const char *text,
                               void *args) {
    bool yes = !strcmp(text, "true");
    if (yes || !strcmp(text, "false"))
        fill_boolean(m, yes, args);
    else
        refuse(c, at, "must be true or false");
}

/* "a,b" */
static void fill_query_strings(struct check *c, const struct place *at, const struct member *m, const char *text,
                               void *args) {
    struct strings *out = field(args, m->offset);
    *out = strings_split(c->r->arena, text, ',');
    for (size_t i = 0; i < out->n; i++) out->v[i] = check_text(c, at, m, out->v[i], strlen(out->v[i]));
}

static void fill_query(struct check *c, const struct place *at, const struct member *m, const char *text, void *args) {
    if (m->kind == KIND_STRING)
        *(const char **)field(args, m->offset) = check_text(c, at, m, text, strlen(text));
    else if (m->kind == KIND_INTEGER)
        fill_query_integer(c, at, m, text, args);
    else if (m->kind == KIND_BOOLEAN)
        fill_query_boolean(c, at, m, text, args);
    else if (m->kind == KIND_STRINGS)
        fill_query_strings(c, at, m, text, args);
}

static size_t pair_index(const struct query_pair *pairs, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(pairs[i].name, name)) return i;
    return n;
}

enum err validate_query(struct request *r, const struct schema *schema, const struct query_pair *pairs, size_t n,
                        void *args) {
    struct check c = {.r = r, .err = OK};
    struct place root = {.text = ""};
    if (!args) args = arena_alloc(r->arena, schema->size);
    fill_defaults(schema, args);
    for (size_t i = 0; i < n && !full(&c); i++) {
        struct place at = {.up = &root, .name = pairs[i].name};
        const struct member *m = find(schema, pairs[i].name);
        if (!m)
            refuse_unknown(&c, &at, schema, pairs[i].name);
        else if (pair_index(pairs, n, pairs[i].name) < i)
            refuse(&c, &at, "is given twice");
        else
            fill_query(&c, &at, m, pairs[i].value, args);
    }
    for (size_t i = 0; i < schema->members_n; i++) {
        const struct member *m = &schema->members[i];
        struct place at = {.up = &root, .name = m->name};
        if (m->required && pair_index(pairs, n, m->name) == n) refuse(&c, &at, "is required");
    }
    return c.err;
}
