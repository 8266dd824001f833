/* What was kept for a while and serves nobody any more: mails 30 days after their end, what rules did after 90 days (limits look at
 * the last hour, figures at 30 days), what they found after 400 (responses/explain of a year). */
#ifndef NOTIFY_TRIM_H
#define NOTIFY_TRIM_H

#include "base/err.h"

/* The job (due.kind 'trim', one of each client), once a day; again after a minute where there was much. */
enum err trim_due(const char *client_id, const char *object_id) must_check;

#endif
