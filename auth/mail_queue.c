#include "auth/mail_queue.h"

#include "base/clock.h"
#include "base/config.h"
#include "base/random.h"

enum err mail_queue_check(struct request *r, struct tx *tx) {
    scope_rows struct rows rows = {0};
    if (!*config()->smtp_url) return fail(r, ERR_CONFLICT, "Mail is not set up on this gateway (MDR_SMTP_URL).");
    TRY(tx_run(tx, &rows, "select count(*) from due where client_id = $1 and kind = 'mail'", "s", r->client_id));
    if (rows_int(&rows, 0, 0) < MAILS_WAITING_MAX) return OK;
    return fail(r, ERR_CONFLICT, "%d mails are waiting to be sent already.", MAILS_WAITING_MAX);
}

enum err mail_queue_add(struct arena *arena, struct tx *tx, const char *client_id, const struct queued_mail *mail,
                        const struct strings *recipients) {
    struct strings ids = strings_new(arena, recipients->n);
    while (ids.n < recipients->n) {
        char *id = arena_alloc(arena, ID20_BYTES);
        random_id20(id);
        ids.v[ids.n++] = id;
    }
    return tx_run(
        tx, NULL,
        "with m as ("
        "    insert into mails (client_id, mail_id, recipient, kind, parameters, language, timezone, incident_id,"
        "                       creation_time)"
        "    select $1, u.id, u.recipient, $4, $5, $6, $7, coalesce($8, ''), " SQL_NOW_MS
        "      from unnest($2, $3) u (id, recipient)"
        "    returning client_id, mail_id, creation_time"
        ")"
        "insert into due (client_id, kind, object_id, due_at)"
        " select client_id, 'mail', mail_id, creation_time from m",
        "sSSsssss", client_id, &ids, recipients, mail->kind, mail->parameters, mail->language, mail->timezone,
        mail->incident_id);
}
