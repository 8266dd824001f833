/* incidents/send/email: the PDF summary by mail; queued here, sent by notify/outbox.c. */
#include <string.h>
#include <strings.h>

#include "auth/mail_queue.h"
#include "auth/write.h"
#include "base/mail.h"
#include "build/gen/operations.h"

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
    struct strings recipient = {.n = 1, .v = &receiver};
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "select i.incident_id,"
               "       coalesce((select language from users where client_id = $1 and lower(email) = lower($3)),"
               "                (select language from users where client_id = $1 and user_id = $4), 'en')"
               "  from incidents i where i.client_id = $1 and i.incident_number = $2",
               "siss", r->client_id, number, receiver, r->who.user_id));
    if (!rows.n) return fail_not_found(r);
    const char *incident_id = rows_text(&rows, 0, 0), *language = rows_text(&rows, 0, 1);
    const char *timezone = strcmp(language, "ja") ? "UTC" : "Asia/Tokyo";
    struct queued_mail mail = {"incident_report", "{}", language, timezone, incident_id};
    return mail_queue_add(r->arena, tx, r->client_id, &mail, &recipient);
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
