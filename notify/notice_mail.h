/* The words of a notification: what happened since the last one, as one plain text. Pure. Source: contract B5 (Mail). */
#ifndef NOTIFY_NOTICE_MAIL_H
#define NOTIFY_NOTICE_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum notice_kind { NOTICE_RESPONSE, NOTICE_INCIDENT, NOTICE_STATUS, NOTICE_COMMENT, NOTICE_KINDS };

struct notice {
    enum notice_kind kind;
    int64_t number;          /* of the incident: K-<n> */
    const char *priority;    /* HIGH | NORMAL | LOW */
    const char *status;      /* of the incident after the change */
    const char *tenant;      /* name, "" = none */
    const char *type, *host; /* of a response */
    const char *by;          /* who did it */
    const char *text;        /* summary, description or comment */
    int64_t until_ms;        /* to decide; 0 = no deadline */
};

struct notice_mail {
    const char *organisation, *language, *timezone, *url;
    bool extended;             /* texts, hosts and names too; else numbers, priorities and kinds only */
    const struct notice *list; /* in the order in which they happened */
    size_t n;
    int64_t totals[NOTICE_KINDS]; /* of each kind, listed or not */
};

struct notice_words {
    const char *subject; /* one line without anybody's text */
    const char *text;
};
struct notice_words notice_words(struct arena *arena, const struct notice_mail *mail);

#endif
