#include <limits.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cluster.h"
#include "base/config.h"
#include "base/home.h"
#include "commands/commands.h"
#include "commands/database.h"
#include "ledger/verify.h"

static void print(const char *client_id, const struct ledger_report *report) {
    scope_buf struct buf b;
    buf_init(&b, 64 * 1024);
    json_open(&b, '{');
    json_kstr(&b, "client_id", client_id);
    json_kint(&b, "rows", report->rows);
    json_kint(&b, "head_position", report->head_position);
    json_kstr(&b, "head_hash", report->head_hash);
    json_kbool(&b, "ok", report->ok);
    if (!report->ok) json_kstr(&b, "problem", report->problem);
    json_close(&b, '}');
    puts(buf_text(&b));
}

int command_ledger_verify(const struct arguments *a) {
    char heads[PATH_MAX];
    struct ledger_report report;
    const char *client_id = argument(a, "client");
    const char *url = *config()->database_url ? config()->database_url : cluster_url(SERVING_ROLE);
    snprintf(heads, sizeof heads, "%s/ledger-heads", config()->data_dir);
    enum err e = ledger_verify(url, client_id, heads, &report);
    if (e == ERR_NOT_FOUND)
        home_complain("no client %s", client_id);
    else if (e != OK)
        home_complain("the ledger could not be checked; the log above says why");
    if (e != OK) return EXIT_FAILED;
    print(client_id, &report);
    return report.ok ? EXIT_DONE : EXIT_FAILED;
}
