#include "responses/systems.h"

#include <string.h>

/* In this order: the first word found decides ("Darwin" holds "win"). */
static const struct {
    const char *word;
    enum system system;
} words[] = {
    {"macos", SYSTEM_MACOS},     {"mac os", SYSTEM_MACOS},   {"os x", SYSTEM_MACOS},    {"darwin", SYSTEM_MACOS},
    {"windows", SYSTEM_WINDOWS}, {"win32", SYSTEM_WINDOWS},  {"win64", SYSTEM_WINDOWS}, {"winnt", SYSTEM_WINDOWS},
    {"linux", SYSTEM_LINUX},     {"ubuntu", SYSTEM_LINUX},   {"debian", SYSTEM_LINUX},  {"red hat", SYSTEM_LINUX},
    {"redhat", SYSTEM_LINUX},    {"rhel", SYSTEM_LINUX},     {"centos", SYSTEM_LINUX},  {"fedora", SYSTEM_LINUX},
    {"suse", SYSTEM_LINUX},      {"alma", SYSTEM_LINUX},     {"rocky", SYSTEM_LINUX},   {"oracle", SYSTEM_LINUX},
    {"astra", SYSTEM_LINUX},     {"altlinux", SYSTEM_LINUX}, {"alt ", SYSTEM_LINUX},    {"mint", SYSTEM_LINUX},
    {"amazon", SYSTEM_LINUX},    {"miracle", SYSTEM_LINUX},  {"gentoo", SYSTEM_LINUX},  {"arch", SYSTEM_LINUX},
};

unsigned systems_of(const char *os_version) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(os_version, words[i].word)) return words[i].system;
    return 0;
}

const char *system_name(unsigned system) {
    switch (system) {
    case SYSTEM_WINDOWS: return "windows";
    case SYSTEM_LINUX: return "linux";
    case SYSTEM_MACOS: return "macos";
    default: return "";
    }
}
