/* The mail that brings a schedule's report. */
#ifndef NOTIFY_SCHEDULE_MAIL_H
#define NOTIFY_SCHEDULE_MAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/mail.h"

struct schedule_mail {
    const char *client_id, *recipient, *parameters; /* of the mail's row */
    int64_t creation_time;
};

/* Fills subject, text and attachment; texts live in the arena, the PDF in pdf. The schedule as it stands now says which
 * tenants are shown, so that what was taken from it meanwhile is not mailed any more.
 * ERR_NOT_FOUND: the schedule is gone, or does not name the recipient or any tenant any more. Others as period_render(). */
enum err schedule_mail_write(struct arena *arena, const struct schedule_mail *job, struct mail *mail,
                             struct buf *pdf) must_check;

#endif
