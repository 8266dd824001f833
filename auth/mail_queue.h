/* Putting mails into the queue that notify/outbox.c sends from. */
#ifndef AUTH_MAIL_QUEUE_H
#define AUTH_MAIL_QUEUE_H

#include "auth/request.h"

enum { MAILS_WAITING_MAX = 1000 }; /* of one client, for what people ask for */

/* Before a mail that somebody asks for. ERR_CONFLICT: no mail relay, or too many of the client's mails wait. */
enum err mail_queue_check(struct request *r, struct tx *tx) must_check;

struct queued_mail {
    const char *kind, *parameters; /* parameters: JSON text, gone when the mail is done */
    const char *language, *timezone;
    const char *incident_id; /* NULL = about none */
};
/* One mail to each recipient, due at once. */
enum err mail_queue_add(struct arena *arena, struct tx *tx, const char *client_id, const struct queued_mail *mail,
                        const struct strings *recipients) must_check;

#endif
