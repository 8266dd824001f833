/* Mail that waits in the table mails: composed and sent when its row in `due` (kind 'mail') falls due.
 *
 * At least once: a gateway that dies between sending and noting it sends again, with the same Message-ID. Retries after 30 s,
 * 1 min, 2 min ... 4 h, each by up to a fifth later, for three days; then, or at the server's last word (5xx), the mail is
 * `failed` and says why in last_error. A finished mail keeps no parameters: they may hold an invitation. */
#ifndef NOTIFY_OUTBOX_H
#define NOTIFY_OUTBOX_H

#include "base/err.h"

/* Takes the mail for two minutes (unless another worker has it, or it is not due) and sends it. OK: done, or put off, or not ours.
 * ERR_UNAVAILABLE: the database is away; it falls due again by itself. Blocks up to a minute. */
enum err mail_due(const char *client_id, const char *mail_id) must_check;

#endif
