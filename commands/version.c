#include <stdio.h>

#include "build/gen/version.h"
#include "commands/commands.h"

int command_version(const struct arguments *a) {
    (void)a;
    puts("{\"version\":\"" MDR_VERSION "\"}");
    return EXIT_DONE;
}
