/* MDR_SMTP_URL taken apart. Pure. */
#ifndef NOTIFY_SMTP_URL_H
#define NOTIFY_SMTP_URL_H

#include "base/arena.h"
#include "base/mail.h"

struct smtp_target {
    struct mail_server server; /* texts live in the arena */
};

/* smtp://[user[:password]@]host[:port] or smtps://...; user and password may be percent-encoded. smtps, and whatever has a password,
 * wants verified TLS. ERR_INVALID: another scheme, no host. */
enum err smtp_url_parse(struct arena *arena, const char *url, struct smtp_target *out) must_check;

#endif
