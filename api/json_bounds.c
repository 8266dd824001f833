#include "api/json_bounds.h"

static size_t string_end(const char *text, size_t len, size_t at) {
    for (at++; at < len && text[at] != '"'; at++)
        if (text[at] == '\\') at++;
    return at;
}

enum err json_bounds_check(struct request *r, const char *text, size_t len, size_t nodes_max) {
    size_t depth = 0, nodes = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '"') i = string_end(text, len, i);
        if (c == '{' || c == '[') depth++;
        if ((c == '}' || c == ']') && depth) depth--;
        if (c == ',' || c == '{' || c == '[' || c == ':') nodes++;
        if (depth > JSON_DEPTH_MAX)
            return fail(r, ERR_MALFORMED, "The body nests deeper than %d levels.", JSON_DEPTH_MAX);
        if (nodes > nodes_max) return fail(r, ERR_MALFORMED, "The body has more than %zu values.", nodes_max);
    }
    return OK;
}

enum err json_fail(struct request *r, const json_error_t *error) {
    const char *what = "The body is not valid JSON";
    switch (json_error_code(error)) {
    case json_error_invalid_utf8: what = "The body is not valid UTF-8"; break;
    case json_error_null_character:
    case json_error_null_byte_in_key: what = "The body holds a NUL character"; break;
    case json_error_duplicate_key: what = "A member stands twice in the body"; break;
    case json_error_premature_end_of_input: what = "The body ends too early"; break;
    case json_error_numeric_overflow: what = "A number is out of range"; break;
    default: break;
    }
    return fail(r, ERR_MALFORMED, "%s (line %d, column %d).", what, error->line, error->column);
}
