#include "notify/outbox.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/db.h"
#include "base/log.h"
#include "base/mail.h"
#include "notify/notice_queue.h"
#include "notify/retry.h"
#include "notify/schedule_mail.h"
#include "notify/smtp_url.h"
#include "reports/pdf.h"
#include "reports/summary.h"

enum { LEASE_MS = 120 * 1000, FIRST_DELAY_MS = 30 * 1000, WHY_BYTES = 300 };
#define GIVE_UP_MS (3LL * 24 * 3600 * 1000)

struct job {
    struct arena *arena;
    struct db_scope scope;
    const char *mail_id;
    int64_t lease; /* due_at while it is ours */
    struct rows mail;
    const char *recipient, *kind, *incident_id, *parameters, *language, *timezone;
    int64_t attempts, creation_time, age_ms;
    char why[WHY_BYTES];
    bool permanent;
};

/* ---- taking it ---- */

/* The database's clock is the only one that all workers share: by a node's own, a clock that runs ahead would take a mail that
 * another is sending, or keep it for as long as it is ahead. */
static enum err claim(struct job *job, bool *ours) {
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &job->scope));
    TRY(tx_run(
        &tx, &job->mail,
        "with claimed as ("
        "    update due set due_at = " SQL_NOW_MS " + $3"
        "     where client_id = $1 and kind = 'mail' and object_id = $2 and due_at <= " SQL_NOW_MS
        "    returning client_id, object_id, due_at"
        ")"
        "select m.recipient, m.kind, m.incident_id, m.parameters, m.language, m.timezone, m.attempts, m.creation_time,"
        "       " SQL_NOW_MS " - m.creation_time, c.due_at"
        "  from claimed c join mails m on m.client_id = c.client_id and m.mail_id = c.object_id",
        "ssi", job->scope.client_id, job->mail_id, (int64_t)LEASE_MS));
    *ours = job->mail.n > 0;
    return tx_commit(&tx);
}

static void read_job(struct job *job) {
    const char **const texts[] = {&job->recipient,  &job->kind,     &job->incident_id,
                                  &job->parameters, &job->language, &job->timezone};
    for (int i = 0; i < 6; i++) *texts[i] = rows_text(&job->mail, 0, i);
    job->attempts = rows_int(&job->mail, 0, 6);
    job->creation_time = rows_int(&job->mail, 0, 7);
    job->age_ms = rows_int(&job->mail, 0, 8);
    job->lease = rows_int(&job->mail, 0, 9);
}

/* ---- writing it ---- */

static bool japanese(const struct job *job) { return !strcmp(job->language, "ja"); }

static enum err hopeless(struct job *job, const char *why) {
    snprintf(job->why, sizeof job->why, "%s", why);
    job->permanent = true;
    return ERR_INVALID;
}

static enum err write_report(struct job *job, struct mail *mail, struct buf *pdf) {
    struct summary s;
    enum err e = summary_render(job->arena, &job->scope, job->incident_id, job->language, job->timezone, pdf, &s);
    if (e == ERR_NOT_FOUND) return hopeless(job, "the incident is gone");
    TRY(e);
    long long n = s.number;
    mail->subject = arena_printf(job->arena, "[Incident] MDR report K-%lld", n);
    mail->text = arena_printf(job->arena,
                              japanese(job) ? "%s\n\nインシデント K-%lld の概要を PDF でお送りします。\n\n%s\n"
                                            : "%s\n\nAttached is the summary of incident K-%lld.\n\n%s\n",
                              s.organisation, n, s.headline);
    mail->attachment_name = arena_printf(job->arena, "K-%lld.pdf", n);
    mail->attachment_type = "application/pdf";
    mail->attachment = buf_text(pdf);
    mail->attachment_bytes = pdf->len;
    return OK;
}

static const char *until_text(struct job *job, int64_t until_ms) {
    char text[TIME_TEXT_BYTES];
    time_text(until_ms, text);
    return arena_printf(job->arena, "%.10s %.5s UTC", text, text + 11);
}

static enum err write_invitation(struct job *job, struct mail *mail) {
    const char *name = NULL, *by = NULL, *link = NULL;
    json_int_t until = 0;
    json_t *p = json_loads(job->parameters, 0, NULL);
    bool complete = !json_unpack(p, "{s:s, s:s, s:s, s:I}", "name", &name, "invited_by", &by, "invitation_link", &link,
                                 "invitation_until", &until);
    if (complete) {
        const char *time = until_text(job, until);
        mail->subject = japanese(job) ? "[MDR] ご招待" : "[MDR] Invitation";
        mail->text = arena_printf(
            job->arena,
            japanese(job) ? "%s 様\n\n%s から MDR "
                            "へ招待されました。次のリンクを開き、パスワードを設定してください。\n\n%s\n\n有効期限: %s\n"
                          : "Hello %s,\n\n%s invites you to MDR. Open this link to set your password:\n\n%s\n\nIt is "
                            "valid until %s.\n",
            name, by, link, time);
    }
    json_decref(p);
    return complete ? OK : hopeless(job, "the invitation's parameters are incomplete");
}

static enum err write_schedule_report(struct job *job, struct mail *mail, struct buf *pdf) {
    struct schedule_mail report = {job->scope.client_id, job->recipient, job->parameters, job->creation_time};
    enum err e = schedule_mail_write(job->arena, &report, mail, pdf);
    return e == ERR_NOT_FOUND ? hopeless(job, "the schedule does not send this any more") : e;
}

static enum err write_notification(struct job *job, struct mail *mail) {
    enum err e = notice_mail_write(job->arena, job->scope.client_id, job->parameters, mail);
    return e == ERR_NOT_FOUND ? hopeless(job, "the user may not have this any more") : e;
}

static enum err write_mail(struct job *job, struct mail *mail, struct buf *pdf) {
    if (!strcmp(job->kind, "incident_report")) return write_report(job, mail, pdf);
    if (!strcmp(job->kind, "invitation")) return write_invitation(job, mail);
    if (!strcmp(job->kind, "schedule_report")) return write_schedule_report(job, mail, pdf);
    if (!strcmp(job->kind, "notification")) return write_notification(job, mail);
    return hopeless(job, "unknown kind of mail");
}

/* ---- sending it ---- */

static const char *message_id(const struct job *job, const char *from) {
    const char *at = strchr(from, '@');
    return arena_printf(job->arena, "<%s%s>", job->mail_id, at ? at : "@localhost");
}

static enum err send_composed(struct job *job, const struct mail *mail) {
    struct smtp_target target;
    scope_buf struct buf message;
    buf_init(&message, 2 * (size_t)PDF_MAX_BYTES);
    TRY(smtp_url_parse(job->arena, config()->smtp_url, &target));
    TRY(mail_compose(mail, &message));
    return mail_send(&target.server, mail->from, mail->to, &message, job->why, sizeof job->why, &job->permanent);
}

static enum err deliver(struct job *job) {
    scope_buf struct buf pdf;
    struct mail mail = {.from = config()->mail_from, .to = job->recipient, .date_s = now_ms() / 1000};
    buf_init(&pdf, PDF_MAX_BYTES);
    if (!*config()->smtp_url) {
        snprintf(job->why, sizeof job->why, "MDR_SMTP_URL is not set");
        return ERR_UNAVAILABLE;
    }
    mail.message_id = message_id(job, mail.from);
    TRY(write_mail(job, &mail, &pdf));
    return send_composed(job, &mail);
}

/* ---- noting what became of it ---- */

static enum err note_end(const struct job *job, const char *state) {
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &job->scope));
    TRY(tx_run(&tx, NULL,
               "with done as (delete from due where client_id = $1 and kind = 'mail' and object_id = $2)"
               "update mails set state = $3, attempts = attempts + 1, last_error = $4, finished_at = " SQL_NOW_MS
               "     , parameters = '{}'"
               " where client_id = $1 and mail_id = $2 and state = 'waiting'",
               "ssss", job->scope.client_id, job->mail_id, state, job->why));
    return tx_commit(&tx);
}

/* Only while it is still ours: a lease that ran out belongs to another worker. */
static enum err note_retry(const struct job *job) {
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &job->scope));
    TRY(tx_run(&tx, NULL,
               "with later as (update due set due_at = " SQL_NOW_MS " + $5"
               "                where client_id = $1 and kind = 'mail' and object_id = $2 and due_at = $4"
               "               returning object_id)"
               "update mails m set attempts = attempts + 1, last_error = $3"
               "  from later where m.client_id = $1 and m.mail_id = later.object_id and m.state = 'waiting'",
               "sssii", job->scope.client_id, job->mail_id, job->why, job->lease,
               retry_delay_ms(FIRST_DELAY_MS, job->attempts)));
    return tx_commit(&tx);
}

static enum err note(struct job *job, enum err outcome) {
    bool over = job->permanent || job->age_ms > GIVE_UP_MS;
    if (outcome != OK && !*job->why) snprintf(job->why, sizeof job->why, "%s", err_title(outcome));
    if (outcome == OK) {
        job->why[0] = 0;
        LOG(INFO, "mail_sent", log_s("client_id", job->scope.client_id), log_s("mail_id", job->mail_id),
            log_s("kind", job->kind));
        return note_end(job, "sent");
    }
    LOG(WARN, over ? "mail_failed" : "mail_put_off", log_s("client_id", job->scope.client_id),
        log_s("mail_id", job->mail_id), log_s("why", job->why), log_i("attempts", job->attempts + 1));
    return over ? note_end(job, "failed") : note_retry(job);
}

static enum err run(struct job *job) {
    bool ours = false;
    TRY(claim(job, &ours));
    if (!ours) return OK;
    read_job(job);
    return note(job, deliver(job));
}

enum err mail_due(const char *client_id, const char *mail_id) {
    struct arena arena;
    arena_init(&arena, 16 * 1024 * 1024);
    struct job job = {.arena = &arena, .scope = {.client_id = client_id, .tenants = "*"}, .mail_id = mail_id};
    enum err e = run(&job);
    rows_free(&job.mail);
    arena_free(&arena);
    return e;
}
