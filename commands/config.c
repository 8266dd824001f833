#include "base/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands/commands.h"

int command_config(const struct arguments *a) {
    bool markdown = argument_on(a, "markdown");
    char *text = markdown ? config_markdown() : config_json();
    printf("%s%s", text, markdown ? "" : "\n");
    free(text);
    return EXIT_DONE;
}
