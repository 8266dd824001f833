/* Every setting in one table: it gives the struct, reading from environment and file, --help and the README's table.
 *
 * Where a value comes from, first hit wins: environment, config file (--config FILE: KEY=VALUE lines), default.
 * A SECRET may also be given as a file: NAME_FILE=/path (its last line break is cut). PATHs become absolute.
 * An empty value counts as not given.
 *
 * Kinds: TEXT, PATH, SECRET (text that logs and dumps hide), ADDRESS (host:port or [v6]:port), CIDRS, LEVEL (log level),
 * SWITCH (on|off) and NUMBER (with least and most). */
#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* kind, member, name, default, help; NUMBER: kind, member, name, default, least, most, help */
#define CONFIG_TABLE(TEXT, PATH, SECRET, ADDRESS, CIDRS, LEVEL, SWITCH, NUMBER)                                        \
    ADDRESS(listen, "MDR_LISTEN", "127.0.0.1:8080", "Where the API listens.")                                          \
    TEXT(public_url, "MDR_PUBLIC_URL", "",                                                                             \
         "Base URL that users see, for links in replies and mail; default `http://` and MDR_LISTEN.")                  \
    CIDRS(trusted_proxies, "MDR_TRUSTED_PROXIES", "",                                                                  \
          "CIDRs, comma separated, whose `X-Forwarded-For` is believed, e.g. `127.0.0.1/32`.")                         \
    TEXT(cors_origins, "MDR_CORS_ORIGINS", "", "Origins, comma separated, whose pages may call the API.")              \
    PATH(data_dir, "MDR_DATA_DIR", "data", "Folder of the embedded database and the signing keys.")                    \
    SECRET(database_url, "MDR_DATABASE_URL", "",                                                                       \
           "PostgreSQL (>= 15) connection string; without it the gateway runs its own database.")                      \
    SECRET(migrate_url, "MDR_MIGRATE_URL", "",                                                                         \
           "Connection string of the schema's owner, for `migrate`; default the embedded database's owner.")           \
    NUMBER(pool_connections, "MDR_POOL_CONNECTIONS", 8, 3, 64, "Database connections of one process.")                 \
    PATH(key_file, "MDR_KEY_FILE", "",                                                                                 \
         "Signing keys, the same file on every node; default `keys.json` in MDR_DATA_DIR.")                            \
    NUMBER(connection_limit, "MDR_CONNECTION_LIMIT", 1000, 10, 1019, "HTTP connections (threads) at a time.")          \
    NUMBER(stream_limit, "MDR_STREAM_LIMIT", 600, 0, 1000,                                                             \
           "Event streams and long polls at a time; each keeps a thread.")                                             \
    NUMBER(streams_per_client, "MDR_STREAMS_PER_CLIENT", 100, 0, 1000,                                                 \
           "How many of them one client may have; one user or connection half.")                                       \
    NUMBER(header_timeout_s, "MDR_HEADER_TIMEOUT_S", 10, 1, 300, "Seconds in which a request's headers must arrive.")  \
    NUMBER(request_timeout_s, "MDR_REQUEST_TIMEOUT_S", 30, 1, 600,                                                     \
           "Seconds that the database may work for one request.")                                                      \
    NUMBER(rate_per_session, "MDR_RATE_PER_SESSION", 5000, 0, 1000000,                                                 \
           "Requests a second of one user or API connection, ten seconds' worth at once; beyond it 429. 0: no limit.") \
    NUMBER(rate_per_address, "MDR_RATE_PER_ADDRESS", 500, 0, 1000000,                                                  \
           "The same for requests without a valid token, by address.")                                                 \
    NUMBER(reply_memory_mb, "MDR_REPLY_MEMORY_MB", 256, 1, 65536,                                                      \
           "MiB of replies that slow readers may keep waiting; beyond it reads are 503, writes are not.")              \
    NUMBER(                                                                                                            \
        drain_s, "MDR_DRAIN_S", 0, 0, 600,                                                                             \
        "Seconds that a stopping gateway goes on serving while `/readyz` says 503, so that a proxy goes elsewhere.")   \
    NUMBER(shutdown_timeout_s, "MDR_SHUTDOWN_TIMEOUT_S", 15, 0, 600,                                                   \
           "Seconds that running requests get to finish when the gateway stops.")                                      \
    SWITCH(workers, "MDR_WORKERS", "on", "Whether `serve` also does the work of `work`, which is what falls due.")     \
    NUMBER(task_lease_s, "MDR_TASK_LEASE_S", 60, 1, 3600,                                                              \
           "Seconds for which a connector holds a task unless it renews.")                                             \
    ADDRESS(metrics_listen, "MDR_METRICS_LISTEN", "127.0.0.1:9464", "Where `GET /metrics` is served (Prometheus).")    \
    SECRET(smtp_url, "MDR_SMTP_URL", "",                                                                               \
           "Mail relay, `smtp://[user:password@]host:port` or `smtps://`; none: no mail.")                             \
    TEXT(mail_from, "MDR_MAIL_FROM", "mdr-gateway@localhost", "Sender of mail.")                                       \
    CIDRS(egress_allow, "MDR_EGRESS_ALLOW", "",                                                                        \
          "CIDRs, comma separated, that webhooks may reach although private, e.g. `127.0.0.0/8`.")                     \
    PATH(egress_ca_file, "MDR_EGRESS_CA_FILE", "",                                                                     \
         "PEM file of the authorities that outgoing https trusts; default the system's.")                              \
    LEVEL(log_level, "MDR_LOG_LEVEL", "info", "`error`, `warn`, `info` or `debug`.")

struct config {
#define CONFIG_TEXT_(member, name, value, help) const char *member;
#define CONFIG_SWITCH_(member, name, value, help) bool member;
#define CONFIG_NUMBER_(member, name, value, least, most, help) int64_t member;
    CONFIG_TABLE(CONFIG_TEXT_, CONFIG_TEXT_, CONFIG_TEXT_, CONFIG_TEXT_, CONFIG_TEXT_, CONFIG_TEXT_, CONFIG_SWITCH_,
                 CONFIG_NUMBER_)
};

/* Reads all settings; file may be NULL. Each mistake is told on stderr with the setting's name, then ERR_INVALID
 * (the program exits with 2). Repeatable (tests); texts of an earlier load are freed. Not thread-safe. */
enum err config_load(const char *file) must_check;
const struct config *config(void); /* after config_load(); texts are never NULL, "" = not given */
void config_free(void);

/* When the data folder has to be elsewhere (base/home.h). Moves a defaulted key_file along. */
void config_set_data_dir(const char *path);

/* Texts made from the table; yours to free(). */
char *config_help(void);     /* for --help: name, default, help */
char *config_markdown(void); /* the table in the README */
char *config_json(void);     /* what is in force; secrets as "***" */

/* "127.0.0.1:8080", "[::1]:8080", "localhost:80". Port 0..65535. False leaves *out undefined. */
struct address {
    char host[256]; /* without brackets */
    uint16_t port;
};
bool address_parse(const char *text, struct address *out);

#endif
