#include "rules/book.h"

#include <string.h>

#include "api/validate.h"
#include "responses/parameters.h"

enum { STORED_BYTES_MAX = 1024 * 1024 };

/* ---- schemas: those of the members of auto_rules/create ---- */

static const struct schema *member_schema(const char *name) {
    for (size_t i = 0; i < operations_n; i++) {
        if (strcmp(operations[i].id, "auto_rules_create") != 0) continue;
        const struct schema *args = operations[i].args;
        for (size_t j = 0; j < args->members_n; j++)
            if (!strcmp(args->members[j].name, name)) return args->members[j].object;
    }
    return NULL;
}

const struct schema *rule_when_schema(void) { return member_schema("when"); }
const struct schema *rule_limits_schema(void) { return member_schema("limits"); }

/* ---- one rule ---- */

/* NULL: cannot be read. */
static const void *read_object(struct arena *a, struct rule_book *b, const struct schema *schema, const char *text) {
    struct request scratch = {.arena = a};
    json_t *object = strlen(text) <= STORED_BYTES_MAX ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!object || json_array_append_new(b->kept, object) != 0) return NULL;
    void *values = arena_alloc(a, schema->size);
    return validate(&scratch, schema, object, values) == OK ? values : NULL;
}

/* A list emptied where it is stored must not become "no condition". */
static bool has_empty_list(const struct schema *schema, const void *values) {
    for (size_t i = 0; i < schema->members_n; i++) {
        const struct member *m = &schema->members[i];
        const struct strings *list = (const void *)((const char *)values + m->offset);
        if (m->kind == KIND_STRINGS && list->v && !list->n) return true;
    }
    return false;
}

static enum rule_mode mode_of(const char *name) {
    return !strcmp(name, "off") ? RULE_OFF : !strcmp(name, "shadow") ? RULE_SHADOW : RULE_ENFORCE;
}

static enum rule_decision effect_of(const char *name) {
    return !strcmp(name, "accept") ? RULE_ACCEPT : !strcmp(name, "decline") ? RULE_DECLINE : RULE_HOLD;
}

static bool names_known(const struct rule_row *row, const struct rule *rule) {
    return !strcmp(rule_mode_name(rule->mode), row->mode) && !strcmp(rule_decision_name(rule->effect), row->effect);
}

void rule_book_add(struct arena *a, struct rule_book *b, const struct rule_row *row) {
    struct rule *rule = &b->rules[b->n++];
    *rule = (struct rule){.rule_id = row->rule_id,
                          .name = row->name,
                          .mode = mode_of(row->mode),
                          .effect = effect_of(row->effect),
                          .expires_at = row->expires_at};
    rule->when = read_object(a, b, rule_when_schema(), row->conditions);
    rule->limits = read_object(a, b, rule_limits_schema(), row->limits);
    rule->readable =
        rule->when && rule->limits && names_known(row, rule) && !has_empty_list(rule_when_schema(), rule->when);
    rule_prepare(a, rule);
}

/* ---- all of a client ---- */

void rule_book_open(struct arena *a, size_t room, struct rule_book *out) {
    *out = (struct rule_book){.rules = arena_alloc(a, (room + 1) * sizeof *out->rules), .kept = json_array()};
}

void rule_book_close(struct rule_book *b) {
    for (size_t i = 0; i < b->n; i++) tz_close(b->rules[i].zone);
    json_decref(b->kept);
    *b = (struct rule_book){0};
}

enum err rule_book_read(struct request *r, struct tx *tx, struct rule_book *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select rule_id, name, mode, effect, conditions, limits, expires_at from auto_rules"
               " where client_id = $1 order by place, rule_id",
               "s", r->client_id));
    rule_book_open(r->arena, (size_t)rows.n, out);
    for (int i = 0; i < rows.n; i++) {
        struct rule_row row = {.rule_id = arena_strdup(r->arena, rows_text(&rows, i, 0)),
                               .name = arena_strdup(r->arena, rows_text(&rows, i, 1)),
                               .mode = rows_text(&rows, i, 2),
                               .effect = rows_text(&rows, i, 3),
                               .conditions = rows_text(&rows, i, 4),
                               .limits = rows_text(&rows, i, 5),
                               .expires_at = rows_int(&rows, i, 6)};
        rule_book_add(r->arena, out, &row);
    }
    return OK;
}

void rule_when_json(struct buf *out, const struct rule_when *when) {
    const struct schema *schema = rule_when_schema();
    struct rule_when given = *when;
    for (size_t i = 0; i < schema->members_n; i++) {
        struct strings *list = (void *)((char *)&given + schema->members[i].offset);
        if (schema->members[i].kind == KIND_STRINGS && !list->n) list->v = NULL;
    }
    parameters_json(out, schema, &given);
}
