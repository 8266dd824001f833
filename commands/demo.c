#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cluster.h"
#include "base/config.h"
#include "base/db.h"
#include "base/home.h"
#include "commands/commands.h"
#include "commands/welcome.h"
#include "demo/load.h"

enum { DEMO_ASSETS = 300, DEMO_INCIDENTS = 400 };

/* The embedded cluster's owner, else that of MDR_MIGRATE_URL. NULL: told on stderr. */
static char *owner_url(void) {
    if (*config()->migrate_url) return strdup(config()->migrate_url);
    if (!*config()->database_url) return strdup(cluster_url(CLUSTER_OWNER));
    home_complain("MDR_DATABASE_URL is given without MDR_MIGRATE_URL, the connection string of the schema's owner");
    return NULL;
}

static void print(const struct demo_order *o, const struct demo_result *result) {
    scope_buf struct buf b;
    buf_init(&b, 64 * 1024);
    json_open(&b, '{');
    json_kstr(&b, "client_id", o->client_id);
    json_kint(&b, "assets", o->assets);
    json_kint(&b, "incidents", o->incidents);
    json_kint(&b, "seed", (int64_t)o->seed);
    json_kint(&b, "ledger_rows", result->ledger_rows);
    json_kint(&b, "ms", result->ms);
    json_close(&b, '}');
    puts(buf_text(&b));
}

int command_demo(const struct arguments *a) {
    char *url = owner_url();
    struct demo_result result;
    struct demo_order order = {
        .owner_url = url,
        .client_id = argument(a, "client"),
        .name = argument(a, "client"),
        .seed = (uint64_t)argument_number(a, "seed"),
        .assets = (uint32_t)argument_number(a, "assets"),
        .incidents = (uint32_t)argument_number(a, "incidents"),
    };
    if (!url) return EXIT_USAGE;
    enum err e = demo_load(&order, &result);
    free(url);
    if (e == ERR_UNAVAILABLE || e == ERR_INTERNAL) home_complain("loading failed; the log above says why");
    if (e == OK) print(&order, &result);
    return e == OK ? EXIT_DONE : e == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

/* A client without incidents is one whose first load was cut short. */
static enum err is_there(bool *there) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&(struct db_scope){.client_id = DEMO_CLIENT, .tenants = "*"}, &rows,
                "select exists (select from ledger where client_id = $1 and kind = 'incident_details')", "s",
                DEMO_CLIENT));
    *there = rows_bool(&rows, 0, 0);
    return OK;
}

enum err demo_prepare(bool *loaded) {
    bool there = false;
    struct demo_result result;
    *loaded = false;
    TRY(is_there(&there));
    if (there) return OK;
    char *url = owner_url();
    if (!url) return ERR_INVALID;
    fputs("Loading the demo organisation ...\n", stderr);
    enum err e = demo_load(&(struct demo_order){.owner_url = url,
                                                .client_id = DEMO_CLIENT,
                                                .name = DEMO_NAME,
                                                .seed = 1,
                                                .assets = DEMO_ASSETS,
                                                .incidents = DEMO_INCIDENTS},
                           &result);
    free(url);
    *loaded = e == OK;
    return e;
}
