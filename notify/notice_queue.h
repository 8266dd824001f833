/* Mails to users: into the queue, and out of it only while the user may still have them. */
#ifndef NOTIFY_NOTICE_QUEUE_H
#define NOTIFY_NOTICE_QUEUE_H

#include "base/arena.h"
#include "base/db.h"
#include "base/mail.h"
#include "notify/notice_mail.h"

/* SQL: what a user's mails rest on, of alias u; a mail that waits is dropped when it changed. */
#define NOTICE_RIGHTS_SQL "concat_ws('|', u.email, u.role, u.all_tenants, array_to_string(u.tenants, ','))"

struct notice_receiver {
    struct db_scope scope; /* of the user's tenants */
    const char *user_id, *email, *language, *timezone, *organisation;
    const char *rights; /* NOTICE_RIGHTS_SQL */
};

enum err notice_queue(struct arena *arena, struct tx *tx, const struct notice_receiver *to,
                      const struct notice_words *words) must_check;

/* A queued one, when it is sent. ERR_NOT_FOUND: the user is gone, not active any more, or has other rights or another address
 * than when it was written. */
enum err notice_mail_write(struct arena *arena, const char *client_id, const char *parameters,
                           struct mail *mail) must_check;

#endif
