#include "api/edge.h"
#include "base/cluster.h"
#include "base/config.h"
#include "base/log.h"
#include "commands/commands.h"
#include "commands/stopping.h"
#include "notify/workers.h"

enum { TEND_MS = 1000 };

static void wait_for_the_end(void) {
    while (!stopping_wait(TEND_MS)) cluster_tend();
}

/* Nothing new comes in, what runs may finish, then what it stands on goes. */
static void stop_serving(void) {
    edge_quiesce();
    edge_stop();
    if (config()->workers) workers_stop();
    LOG(INFO, "stopped");
}

static enum err start_serving(void) {
    TRY(edge_start());
    if (!config()->workers) return OK;
    enum err e = workers_start();
    if (e != OK) edge_stop();
    return e;
}

int command_serve(const struct arguments *a) {
    bool loaded = false, demo = argument_on(a, "demo");
    if (demo && demo_prepare(&loaded) != OK) return EXIT_FAILED;
    if (start_serving() != OK) return EXIT_FAILED;
    stopping_begin();
    LOG(INFO, "serving", log_s("listen", config()->listen), log_s("metrics", config()->metrics_listen));
    if (demo) serve_welcome(loaded);
    wait_for_the_end();
    stop_serving();
    return EXIT_DONE;
}

int command_work(const struct arguments *a) {
    (void)a;
    if (workers_start() != OK) return EXIT_FAILED;
    stopping_begin();
    LOG(INFO, "working");
    wait_for_the_end();
    workers_stop();
    LOG(INFO, "stopped");
    return EXIT_DONE;
}
