/* The chat of an incident: comments and attachments. What its handlers share. Source: contract A6. */
#ifndef CHAT_CHAT_H
#define CHAT_CHAT_H

#include "api/project.h"
#include "auth/request.h"

/* Most that one incident may hold; more is 409. */
enum { CHAT_FILES_MAX = 1000 };
#define CHAT_FILES_BYTES_MAX (1024LL * 1024 * 1024)

/* How the caller gets to see comments and attachments. fields NULL = all. */
struct projection chat_projection(const struct request *r, const struct strings *fields, bool html);

/* The reply to a write: one object whose was_read is false. */
void chat_reply_created(const struct request *r, const struct rows *rows, bool html, struct reply *out);

#endif
