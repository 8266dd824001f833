/* incidents/send/email: the PDF summary by mail; queued here, sent by notify/outbox.c. */
#include <string.h>
#include <strings.h>

#include "auth/write.h"
#include "base/clock.h"
#include "base/mail.h"
#include "base/random.h"
#include "build/gen/operations.h"
#include "reports/mail_queue.h"

static enum err incident_number(struct request *r, const char *issue_key, int64_t *number) {
    unsigned long long value = 0;
    const char *digits = strncasecmp(issue_key, "K-", 2) ? issue_key : issue_key + 2;
    if (!parse_uint(digits, INT64_MAX, &value))
        return fail_at(r, "/issue_key", "must be an incident_number, such as 1336654");
    *number = (int64_t)value;
    return OK;
}

/* In the language of the receiver where that is a user, else of the asking user, else in English. */
static enum err queue_mail(struct request *r, struct tx *tx, int64_t number, const char *receiver) {
    char mail_id[ID20_BYTES];
    scope_rows struct rows rows = {0};
    random_id20(mail_id);
    TRY(tx_run(
        tx, &rows,
        "with words as ("
        "    select coalesce((select language from users where client_id = $1 and lower(email) = lower($4)),"
        "                    (select language from users where client_id = $1 and user_id = $5), 'en') as language"
        "), m as ("
        "    insert into mails (client_id, mail_id, recipient, kind, incident_id, language, timezone, creation_time)"
        "    select i.client_id, $3, $4, 'incident_report', i.incident_id, w.language,"
        "           case w.language when 'ja' then 'Asia/Tokyo' else 'UTC' end, " SQL_NOW_MS
        "      from incidents i, words w where i.client_id = $1 and i.incident_number = $2"
        "    returning client_id, mail_id, creation_time"
        ")"
        "insert into due (client_id, kind, object_id, due_at) select client_id, 'mail', mail_id, creation_time from m"
        " returning object_id",
        "sisss", r->client_id, number, mail_id, receiver, r->who.user_id));
    return rows.n ? OK : fail_not_found(r);
}

enum err incidents_send_email(struct request *r, const struct incidents_send_email_args *args, struct reply *out) {
    int64_t number = 0;
    TRY(incident_number(r, args->issue_key, &number));
    if (!mail_address_ok(args->user_email)) return fail_at(r, "/user_email", "is not a plain e-mail address");
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &r->scope));
    TRY(mail_queue_check(r, &tx));
    TRY(queue_mail(r, &tx, number, args->user_email));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, 0, out);
}
