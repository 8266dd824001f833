/* One mail: composed as a MIME message, sent by SMTP. Sources: RFC 5322, 2045-2047, 2231, 3834 (Auto-Submitted). */
#ifndef BASE_MAIL_H
#define BASE_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A plain address: local part of unquoted ASCII atoms (<= 64), host name or names of letters, digits, '-' (<= 253),
 * 254 in all. No display name, comment, quoted part, address literal. */
bool mail_address_ok(const char *address);

struct mail {
    const char *from, *to;       /* addresses */
    const char *from_name;       /* NULL or UTF-8 */
    const char *subject;         /* UTF-8, one line, at most 998 bytes */
    const char *text;            /* UTF-8, lines ended by LF */
    int64_t date_s;              /* since 1970 */
    const char *message_id;      /* "<...@...>" of an earlier attempt; NULL = a new one */
    const char *attachment_name; /* NULL = none; UTF-8, at most 255 bytes */
    const char *attachment_type; /* "application/pdf" */
    const void *attachment;
    size_t attachment_bytes;
};

/* Appends the message, lines ended by CRLF, to out; some 1.4 x the attachment. out's limit bounds it.
 * Errors: ERR_INVALID: an address that mail_address_ok() refuses, a control character (CR, LF, ...) or invalid UTF-8
 * in anything that goes into a header, too long a subject or name; ERR_INTERNAL: out went over its limit, no random
 * numbers. */
enum err mail_compose(const struct mail *mail, struct buf *out) must_check;

struct mail_server {
    const char *url;             /* smtp://host[:port] or smtps://host[:port] */
    const char *user, *password; /* NULL = none; a password is sent over verified TLS only */
    bool require_tls;            /* else STARTTLS where the server offers it, its certificate not verified */
    const char *ca_file;         /* NULL = the system's */
};

/* Sends a composed message: connects within 5 s, ends within 30 s, uses no proxy; why (UTF-8, never a secret) tells
 * what went wrong.
 * Errors: ERR_INVALID: url or address; ERR_UNAVAILABLE: not delivered, *permanent tells that repeating is useless
 * (the server refused sender, receiver or message with 5xx). Blocks; any thread may call. */
enum err mail_send(const struct mail_server *server, const char *from, const char *to, const struct buf *message,
                   char *why, size_t why_size, bool *permanent) must_check;

#endif
