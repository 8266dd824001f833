#include "base/cluster.h"
#include "commands/commands.h"
#include "commands/database.h"
#include "commands/stopping.h"

int command_migrate(const struct arguments *a) {
    (void)a;
    stopping_watch();
    enum err e = database_migrate();
    cluster_stop();
    return e == OK ? EXIT_DONE : e == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}
