#include "commands/database.h"

#include "base/cluster.h"
#include "base/config.h"
#include "base/db.h"
#include "base/home.h"
#include "migrations/migrate.h"

static bool is_embedded(void) { return !*config()->database_url; }

enum err database_migrate(void) {
    if (is_embedded()) TRY(cluster_start());
    if (*config()->migrate_url) return migrate_run(config()->migrate_url);
    if (is_embedded()) return migrate_run(cluster_url(CLUSTER_OWNER));
    home_complain("MDR_DATABASE_URL is given without MDR_MIGRATE_URL, the connection string of the schema's owner");
    return ERR_INVALID;
}

enum err database_open(void) {
    if (is_embedded() || *config()->migrate_url) TRY(database_migrate());
    const char *url = is_embedded() ? cluster_url(SERVING_ROLE) : config()->database_url;
    return db_start(url, (int)config()->pool_connections);
}

void database_close(void) {
    db_stop();
    cluster_stop();
}
