#include "chat/chat.h"

#include "base/config.h"

struct projection chat_projection(const struct request *r, const struct strings *fields, bool html) {
    return (struct projection){
        .fields = fields,
        .html = html,
        .public_url = config()->public_url,
        .reading.reader_id = r->who.reader_id,
    };
}

void chat_reply_created(const struct request *r, const struct rows *rows, bool html, struct reply *out) {
    struct projection p = chat_projection(r, NULL, html);
    p.reading.unread = true;
    project(&out->body, rows_slice(rows, 0, 0), &p);
}
