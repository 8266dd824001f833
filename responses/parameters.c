#include "responses/parameters.h"

#include <string.h>

#include "base/strings.h"

static const void *at(const void *values, size_t offset) { return (const char *)values + offset; }

static void add_objects(struct buf *out, const struct member *m, const void *values) {
    const char *first = *(const char *const *)at(values, m->offset);
    if (!first) return;
    json_key(out, m->name);
    json_open(out, '[');
    for (size_t i = 0; i < *(const size_t *)at(values, m->extra_offset); i++)
        parameters_json(out, m->object, first + i * m->object->size);
    json_close(out, ']');
}

static bool given(const struct member *m, const void *values) {
    return m->has_default || *(const bool *)at(values, m->extra_offset);
}

static void add_member(struct buf *out, const struct member *m, const void *values) {
    const char *text = m->kind == KIND_STRING ? *(const char *const *)at(values, m->offset) : NULL;
    const struct strings *list = m->kind == KIND_STRINGS ? at(values, m->offset) : NULL;
    const void *object = m->kind == KIND_OBJECT ? *(const void *const *)at(values, m->offset) : NULL;
    if (text) json_kstr(out, m->name, text);
    if (m->kind == KIND_INTEGER && given(m, values)) json_kint(out, m->name, *(const int64_t *)at(values, m->offset));
    if (m->kind == KIND_BOOLEAN && given(m, values)) json_kbool(out, m->name, *(const bool *)at(values, m->offset));
    if (list && list->v) {
        json_key(out, m->name);
        json_strings(out, list);
    }
    if (m->kind == KIND_OBJECTS) add_objects(out, m, values);
    if (object) {
        json_key(out, m->name);
        parameters_json(out, m->object, object);
    }
}

void parameters_json(struct buf *out, const struct schema *schema, const void *values) {
    json_open(out, '{');
    for (size_t i = 0; i < schema->members_n; i++)
        if (!schema->members[i].alias_of) add_member(out, &schema->members[i], values);
    json_close(out, '}');
}

static const struct member *member_named(const struct schema *schema, const char *name, enum member_kind kind) {
    for (size_t i = 0; i < schema->members_n; i++)
        if (schema->members[i].kind == kind && !strcmp(schema->members[i].name, name)) return &schema->members[i];
    return NULL;
}

const char *parameters_text(const struct schema *schema, const void *values, const char *name) {
    const struct member *m = member_named(schema, name, KIND_STRING);
    return m ? *(const char *const *)at(values, m->offset) : NULL;
}

int64_t parameters_integer(const struct schema *schema, const void *values, const char *name) {
    const struct member *m = member_named(schema, name, KIND_INTEGER);
    return m && given(m, values) ? *(const int64_t *)at(values, m->offset) : 0;
}
