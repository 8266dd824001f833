#include "tenants/deadlines.h"

#include <string.h>

enum { SCRIPT_S = 600, OTHERS_S = 7 * 24 * 3600 };

const char *const deadline_types[] = {
    "GET_FILE",    "ISOLATE_HOST",        "RELEASE_HOST",    "QUARANTINE_FILE", "RESTORE_FILE",
    "DELETE_FILE", "DELETE_REGISTRY_KEY", "MEMORY_DUMP",     "KILL_PROCESS",    "START_PROCESS",
    "RUN_SCRIPT",  "PREVENT_EXECUTION",   "ALLOW_EXECUTION", "IOC_SCAN",
};
const size_t deadline_types_n = sizeof deadline_types / sizeof *deadline_types;

int64_t deadline_default_s(const char *type) { return strcmp(type, "RUN_SCRIPT") == 0 ? SCRIPT_S : OTHERS_S; }
