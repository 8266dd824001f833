/* users/notifications/get, users/notifications/set: what a user is mailed about, in which language and zone. */
#include <string.h>

#include "auth/users.h"
#include "auth/write.h"
#include "build/gen/operations.h"

static enum err check_right(struct request *r, const char *user_id) {
    bool self = *r->who.user_id && !strcmp(r->who.user_id, user_id);
    if (self || r->who.role == ROLE_SUPERVISOR) return OK;
    return fail(r, ERR_FORBIDDEN, "Only an administrator sees and changes what other users are mailed about.");
}

static enum err show(struct request *r, struct tx *tx, const char *user_id, struct buf *out) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "select row_to_json(v)::text from (select user_id, language, timezone, 'incidents' = any(notify) as incidents,"
        "       'responses' = any(notify) as responses, 'comments' = any(notify) as comments,"
        "       'licence' = any(notify) as licence"
        "  from users where client_id = $1 and user_id = $2) v",
        "ss", r->client_id, user_id));
    json_raw(out, rows_text(&rows, 0, 0));
    return OK;
}

enum err users_notifications_get(struct request *r, const struct users_notifications_get_args *args,
                                 struct reply *out) {
    struct user user;
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(check_right(r, args->user_id));
    TRY(tx_begin(&tx, &scope));
    TRY(user_lock(r, &tx, args->user_id, false, &user));
    TRY(show(r, &tx, args->user_id, &out->body));
    return tx_commit(&tx);
}

static enum err store(struct request *r, struct tx *tx, const struct users_notifications_set_args *args) {
    const struct {
        const char *name;
        bool given, wanted;
    } subjects[] = {{"incidents", args->has_incidents, args->incidents},
                    {"responses", args->has_responses, args->responses},
                    {"comments", args->has_comments, args->comments},
                    {"licence", args->has_licence, args->licence}};
    struct strings on = strings_new(r->arena, 4), off = strings_new(r->arena, 4);
    for (int i = 0; i < 4; i++) {
        if (!subjects[i].given) continue;
        struct strings *list = subjects[i].wanted ? &on : &off;
        list->v[list->n++] = subjects[i].name;
    }
    return tx_run(
        tx, NULL,
        "update users set language = coalesce($3, language), timezone = coalesce($4, timezone),"
        "       notify = array(select unnest(notify) except select unnest($6) union select unnest($5) order by 1)"
        " where client_id = $1 and user_id = $2",
        "ssssSS", r->client_id, args->user_id, args->language, args->timezone, &on, &off);
}

enum err users_notifications_set(struct request *r, const struct users_notifications_set_args *args,
                                 struct reply *out) {
    struct user user;
    struct change by = change_of(r);
    struct db_scope scope = client_scope(r->client_id);
    scope_tx struct tx tx = {0};
    TRY(check_right(r, args->user_id));
    TRY(tx_begin_write(&tx, &scope));
    TRY(user_lock(r, &tx, args->user_id, false, &user));
    TRY(store(r, &tx, args));
    TRY(user_record(&tx, r->client_id, args->user_id, "update", &by));
    TRY(show(r, &tx, args->user_id, &out->body));
    return write_commit(r, &tx, by.stamp, out);
}
