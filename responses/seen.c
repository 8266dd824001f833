#include "responses/seen.h"

#include <stdlib.h>
#include <string.h>

#include "api/project.h"
#include "base/buf.h"

enum { BODY_BYTES_MAX = 4 * 1024 * 1024, TIME_DIGITS_MAX = 18 };

/* ---- what is expected ---- */

static bool read_tag(const char *text, int64_t *ms) {
    size_t len = strlen(text);
    bool quoted = len > 2 && text[0] == '"' && text[len - 1] == '"';
    const char *digits = text + quoted;
    size_t n = strspn(digits, "0123456789");
    if (!n || n > TIME_DIGITS_MAX || n + (quoted ? 2 : 0) != len) return false;
    *ms = strtoll(digits, NULL, 10);
    return true;
}

enum err seen_of_one(struct request *r, bool has_member, int64_t member_ms, int64_t *expected_ms) {
    *expected_ms = has_member ? member_ms : 0;
    if (!r->if_match || !strcmp(r->if_match, "*")) return OK;
    int64_t tag_ms = 0;
    if (!read_tag(r->if_match, &tag_ms))
        return fail(r, ERR_INVALID, "If-Match takes the update_time that was seen, as \"1768208096052\", or *.");
    if (has_member && tag_ms != member_ms) return fail_at(r, "/expected_update_time", "Does not agree with If-Match.");
    *expected_ms = tag_ms;
    return OK;
}

enum err seen_of_many(struct request *r, const json_t *given, const struct strings *ids, struct seen **list,
                      size_t *n) {
    enum err worst = OK;
    *n = 0;
    if (r->if_match) return fail(r, ERR_INVALID, "If-Match names one state; for several use expected_update_times.");
    if (!given) return OK;
    *list = arena_alloc(r->arena, (json_object_size(given) + 1) * sizeof **list);
    const char *id;
    json_t *value;
    json_object_foreach((json_t *)given, id, value) {
        if (!strings_have(ids, id))
            return fail_at(r, "/expected_update_times", "%.60s is not among responses_ids.", id);
        const char *pointer = arena_printf(r->arena, "/expected_update_times/%s", id);
        if (!json_is_integer(value) || json_integer_value(value) <= 0)
            worst = fail_at(r, pointer, "Must be an update_time: milliseconds since 1970.");
        else
            (*list)[(*n)++] = (struct seen){.response_id = arena_strdup(r->arena, id),
                                            .pointer = pointer,
                                            .expected_ms = json_integer_value(value)};
    }
    return worst;
}

/* ---- what differs ---- */

static json_t *object_of(struct slice body) {
    struct projection p = {.reading.unread = true};
    scope_buf struct buf text;
    buf_init(&text, BODY_BYTES_MAX);
    project(&text, body, &p);
    return text.failed ? NULL : json_loadb(text.data, text.len, 0, NULL);
}

/* The names of the members that differ; update_time alone where it is not known what was seen. */
static json_t *difference(struct slice seen, struct slice present) {
    json_t *names = json_array(), *before = seen.len ? object_of(seen) : NULL, *now = object_of(present), *value;
    const char *name;
    if (!before) json_array_append_new(names, json_string("update_time"));
    if (before)
        json_object_foreach(now, name, value) if (!json_equal(value, json_object_get(before, name)))
            json_array_append_new(names, json_string(name));
    json_decref(before);
    json_decref(now);
    return names;
}

static const char *joined(struct request *r, const json_t *names) {
    const char *out = "";
    for (size_t i = 0; i < json_array_size(names); i++)
        out = arena_printf(r->arena, "%s%s%s", out, i ? ", " : "", json_string_value(json_array_get(names, i)));
    return out;
}

static enum err name_difference(struct request *r, struct tx *tx, const struct seen *s, json_t *changed) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select l.snapshot, p.body"
               "  from responses p left join ledger l"
               "    on l.client_id = $1 and l.object_id = $2 and l.kind = 'incident_response' and l.changed_at = $3"
               " where p.client_id = $1 and p.response_id = $2",
               "ssi", r->client_id, s->response_id, s->expected_ms));
    if (!rows.n) return fail_not_found(r);
    json_t *names = difference(rows_slice(&rows, 0, 0), rows_slice(&rows, 0, 1));
    fail_at(r, s->pointer, "Changed since: %s.", joined(r, names));
    json_object_set_new(changed, s->response_id, names);
    return OK;
}

enum err seen_check(struct request *r, struct tx *tx, const struct seen *list, size_t n) {
    json_t *changed = json_object();
    enum err e = OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        if (!list[i].expected_ms || list[i].expected_ms == list[i].present_ms) continue;
        if (!json_object_size(changed))
            fail(r, ERR_CHANGED, "What you saw has changed: look at it again, and decide then.");
        e = name_difference(r, tx, &list[i], changed);
    }
    if (e == OK && json_object_size(changed)) {
        char *text = json_dumps(changed, JSON_COMPACT);
        fault_extra(r, "changed", text);
        free(text);
        e = ERR_CHANGED;
    }
    json_decref(changed);
    return e;
}
