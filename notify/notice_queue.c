#include "notify/notice_queue.h"

#include <jansson.h>

#include "auth/mail_queue.h"

enum err notice_queue(struct arena *arena, struct tx *tx, const struct notice_receiver *to,
                      const struct notice_words *words) {
    const char *email = to->email;
    struct strings recipient = {.n = 1, .v = &email};
    scope_buf struct buf parameters;
    buf_init(&parameters, 1024 * 1024);
    json_open(&parameters, '{');
    json_kstr(&parameters, "user_id", to->user_id);
    json_kstr(&parameters, "rights", to->rights);
    json_kstr(&parameters, "subject", words->subject);
    json_kstr(&parameters, "text", words->text);
    json_close(&parameters, '}');
    if (parameters.failed) return ERR_INTERNAL;
    struct queued_mail mail = {"notification", buf_text(&parameters), to->language, to->timezone, NULL};
    return mail_queue_add(arena, tx, to->scope.client_id, &mail, &recipient);
}

static enum err still_entitled(const char *client_id, const char *user_id, const char *rights) {
    struct db_scope scope = client_scope(client_id);
    scope_rows struct rows rows = {0};
    TRY(db_read(&scope, &rows,
                "select 1 from users u"
                " where u.client_id = $1 and u.user_id = $2 and u.status = 'active' and " NOTICE_RIGHTS_SQL " = $3",
                "sss", client_id, user_id, rights));
    return rows.n ? OK : ERR_NOT_FOUND;
}

enum err notice_mail_write(struct arena *arena, const char *client_id, const char *parameters, struct mail *mail) {
    const char *user_id = NULL, *rights = NULL, *subject = NULL, *text = NULL;
    json_t *p = json_loads(parameters, 0, NULL);
    enum err e = ERR_NOT_FOUND;
    if (!json_unpack(p, "{s:s, s:s, s:s, s:s}", "user_id", &user_id, "rights", &rights, "subject", &subject, "text",
                     &text)) {
        mail->subject = arena_strdup(arena, subject);
        mail->text = arena_strdup(arena, text);
        e = still_entitled(client_id, user_id, rights);
    }
    json_decref(p);
    return e;
}
