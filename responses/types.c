#include "responses/types.h"

#include <string.h>
#include <strings.h>

static const struct { const char *alias, *type; } aliases[] = {{"File", "GET_FILE"}};

const struct response_type *response_type_find(const char *type) {
    for (size_t i = 0; i < response_types_n; i++)
        if (!strcmp(response_types[i].type, type)) return &response_types[i];
    return NULL;
}

static const char *meant(const char *text) {
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (!strcasecmp(aliases[i].alias, text)) return aliases[i].type;
    for (size_t i = 0; i < response_types_n; i++)
        if (!strcasecmp(response_types[i].type, text)) return response_types[i].type;
    return text;
}

struct strings response_types_meant(struct arena *arena, const struct strings *given) {
    struct strings types = strings_new(arena, given->n);
    for (; types.n < given->n; types.n++) types.v[types.n] = meant(given->v[types.n]);
    return types;
}

enum err responses_types(struct request *r, const struct no_args *args, struct reply *out) {
    (void)r;
    (void)args;
    json_open(&out->body, '[');
    for (size_t i = 0; i < response_types_n; i++) json_raw(&out->body, response_types[i].info_json);
    json_close(&out->body, ']');
    return OK;
}
