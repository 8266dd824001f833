#include "commands/welcome.h"

#include <stdio.h>

#include "auth/connections.h"
#include "auth/pair.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/feed.h"
#include "base/log.h"
#include "commands/commands.h"

enum { ARENA_BYTES = 1024 * 1024, INCIDENT_NUMBER = 1034598 };
#define CONNECTION_NAME "SOAR example"

static const struct db_scope scope = {.client_id = DEMO_CLIENT, .tenants = "*"};

/* ---- a refresh token that works ---- */

static enum err find_connection(struct tx *tx, char session_id[UUID_BYTES]) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "select session_id from sessions where client_id = $1 and kind = 'robot' and session_name = $2"
        "   and role = 'SUPERVISOR' and all_tenants and revoked_at = 0 order by creation_time, session_id limit 1",
        "ss", DEMO_CLIENT, CONNECTION_NAME));
    if (!rows.n) return ERR_NOT_FOUND;
    snprintf(session_id, UUID_BYTES, "%s", rows_text(&rows, 0, 0));
    return OK;
}

/* One more refresh token for the connection of the first start; what somebody made of earlier ones goes on working. */
static enum err token_again(struct arena *arena, char **token) {
    char session_id[UUID_BYTES];
    struct session s;
    int64_t until = 0;
    struct change by = {.by = "command line", .connection = ""};
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    TRY(find_connection(&tx, session_id));
    TRY(session_lock(arena, &tx, DEMO_CLIENT, session_id, &s));
    TRY(tx_run(
        &tx, NULL,
        "delete from refresh_tokens where client_id = $1 and session_id = $2 and spent_at = 0 and expires_at < $3",
        "ssi", DEMO_CLIENT, session_id, now_ms()));
    TRY(refresh_make(arena, &tx, &s, now_ms(), token, &until));
    TRY(connection_record(&tx, DEMO_CLIENT, session_id, "update", &by));
    TRY(tx_commit(&tx));
    if (by.stamp) feed_published(DEMO_CLIENT, by.stamp);
    return OK;
}

static enum err token_first(struct arena *arena, char **token) {
    struct connection_spec spec = {
        .client_id = DEMO_CLIENT, .name = CONNECTION_NAME, .role = ROLE_SUPERVISOR, .all_tenants = true};
    struct change by = {.by = "command line", .connection = ""};
    struct connection_made made;
    TRY(connection_create(arena, &spec, &by, &made));
    *token = made.refresh_token;
    return OK;
}

/* ---- what to try ---- */

/* Columns: incident id, a response of it that waits for a decision. */
static enum err find_example(struct rows *out) {
    return db_read(
        &scope, out,
        "select i.incident_id, coalesce((select min(response_id) from responses p"
        "        where p.client_id = i.client_id and p.incident_id = i.incident_id and p.status = 'New'), '')"
        "  from incidents i where i.client_id = $1 and i.incident_number = $2",
        "si", DEMO_CLIENT, (int64_t)INCIDENT_NUMBER);
}

static void print_call(FILE *out, const char *what, const char *operation, const char *body) {
    fprintf(out, "\n# %s\ncurl -sS \"$MDR/%s\" -H \"Authorization: Bearer $TOKEN\" -d '%s'; echo\n", what, operation,
            body);
}

static void print_examples(FILE *out, const char *incident, const char *response) {
    char body[400];
    print_call(out, "the newest incidents", "incidents/list",
               "{\"page_size\": 5, \"fields\": [\"incident_id\", \"incident_number\", \"summary\", \"status\"]}");
    snprintf(body, sizeof body, "{\"incident_id\": \"%s\"}", incident);
    print_call(out, "one of them, K-1034598", "incidents/details", body);
    if (*response) {
        snprintf(body, sizeof body, "{\"response_id\": \"%s\", \"status\": \"Confirmed\", \"comment\": \"Go ahead\"}",
                 response);
        print_call(out, "accept a response action of it", "response/update", body);
    }
    snprintf(body, sizeof body, "{\"incident_id\": \"%s\", \"text\": \"承認しました。 Please go on.\"}", incident);
    print_call(out, "write a comment", "comments/create", body);
    fprintf(out,
            "\n# send a file\ncurl -sS \"$MDR/attachments/upload\" -H \"Authorization: Bearer $TOKEN\" -F "
            "'meta={\"incident_id\": \"%s\"}'"
            " -F file=@/etc/os-release; echo\n",
            incident);
    fprintf(out,
            "\n# the incident as PDF\ncurl -sS \"$MDR/incidents/%s/summary.pdf?lang=ja&tz=Asia/Tokyo\" -H "
            "\"Authorization: Bearer $TOKEN\""
            " -o K-1034598.pdf\n",
            incident);
}

static void print_welcome(FILE *out, const char *token, const struct rows *example) {
    const char *url = config()->public_url;
    fprintf(out, "\nmdr-gateway serves %s (API pages: %s/docs)\n\n", url, url);
    fprintf(out,
            "  organisation   %s\n  client id      %s\n  connection     %s (MDR Administrator)\n  refresh token  %s\n",
            DEMO_NAME, DEMO_CLIENT, CONNECTION_NAME, token);
    fprintf(
        out,
        "\nPaste into a shell; the refresh token is good once, within 24 hours, and each start prints a new one:\n");
    fprintf(out, "\nMDR=%s/api/v1/" DEMO_CLIENT "\n", url);
    fprintf(out,
            "TOKEN=$(curl -sS \"$MDR/session/confirm\" -d '{\"refresh_token\": \"%s\"}' |"
            " sed 's/.*\"access_token\": *\"\\([^\"]*\\)\".*/\\1/')\n",
            token);
    if (example->n) print_examples(out, rows_text(example, 0, 0), rows_text(example, 0, 1));
    fputs("\nCtrl-C stops the gateway.\n", out);
}

void serve_welcome(bool first_start) {
    (void)first_start;
    struct arena arena;
    scope_rows struct rows example = {0};
    char *token = NULL;
    arena_init(&arena, ARENA_BYTES);
    enum err e = token_again(&arena, &token);
    if (e == ERR_NOT_FOUND) e = token_first(&arena, &token);
    if (e == OK) e = find_example(&example);
    if (e == OK)
        print_welcome(stderr, token, &example);
    else
        LOG(ERROR, "welcome_failed", log_s("error", err_code(e)));
    arena_free(&arena);
}
