#include "responses/object.h"

#include <string.h>

#include "responses/critical.h"
#include "responses/parameters.h"

static const char *critical_file(const struct response_type *type, const void *values, unsigned systems) {
    static const struct {
        const char *type;
        enum critical_act act;
    } acts[] = {{"KILL_PROCESS", CRITICAL_KILL},
                {"QUARANTINE_FILE", CRITICAL_FILE},
                {"DELETE_FILE", CRITICAL_FILE},
                {"PREVENT_EXECUTION", CRITICAL_FILE}};
    const char *path = parameters_text(type->parameters, values, "path");
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (!strcmp(acts[i].type, type->type) && path && critical_path(systems, acts[i].act, path))
            return "/parameters/path";
    return NULL;
}

static const char *critical_key(const void *values) {
    const struct params_DELETE_REGISTRY_KEY *v = values;
    return critical_registry(v->key, v->value) ? "/parameters/key" : NULL;
}

static const char *critical_process(const void *values) {
    const struct params_KILL_PROCESS *v = values;
    return v->has_pid && critical_pid(v->pid) ? "/parameters/pid" : NULL;
}

const char *object_critical(const struct response_type *type, const void *values, unsigned systems) {
    const char *file = critical_file(type, values, systems);
    if (file) return file;
    if (!strcmp(type->type, "DELETE_REGISTRY_KEY")) return critical_key(values);
    return !strcmp(type->type, "KILL_PROCESS") ? critical_process(values) : NULL;
}
