/* users/create: invites a user. */
#include <string.h>

#include "auth/mail_queue.h"
#include "auth/pair.h"
#include "auth/tenant_choice.h"
#include "auth/users.h"
#include "auth/write.h"
#include "base/clock.h"
#include "base/config.h"
#include "build/gen/operations.h"

/* ---- any user ---- */

static enum err insert(struct tx *tx, const struct user_spec *spec, const struct user_made *made) {
    bool invited = !*spec->password_hash;
    char hash[65] = "";
    if (invited) token_hash(made->invitation, hash);
    int64_t now = now_ms();
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "insert into users (client_id, user_id, email, name, role, all_tenants, tenants, language, status,"
               "                   password_hash, invitation_hash, invitation_until, creation_time)"
               " select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 from clients where client_id = $1"
               " returning 1",
               "sssssbSssssii", spec->client_id, made->user_id, spec->email, spec->name, role_code(spec->role),
               spec->all_tenants, &spec->tenants, spec->language, invited ? "invited" : "active", spec->password_hash,
               hash, invited ? now + INVITATION_MS : 0, now));
    return rows.n ? OK : ERR_NOT_FOUND;
}

static const char *link_of(struct arena *arena, const char *client_id, const char *invitation) {
    const char *url = config()->public_url;
    size_t len = strlen(url);
    while (len && url[len - 1] == '/') len--;
    const char *base = len ? arena_strndup(arena, url, len) : arena_printf(arena, "http://%s", config()->listen);
    return arena_printf(arena, "%s/docs#invitation=%s&client_id=%s", base, invitation, client_id);
}

static enum err queue_mail(struct arena *arena, struct tx *tx, const struct user_spec *spec,
                           const struct user_made *made, const char *invited_by) {
    const char *email = spec->email;
    struct strings recipient = {.n = 1, .v = &email};
    scope_buf struct buf parameters;
    buf_init(&parameters, 16 * 1024);
    json_open(&parameters, '{');
    json_kstr(&parameters, "name", spec->name);
    json_kstr(&parameters, "invited_by", invited_by);
    json_kstr(&parameters, "invitation_link", made->link);
    json_kint(&parameters, "invitation_until", now_ms() + INVITATION_MS);
    json_close(&parameters, '}');
    struct queued_mail mail = {"invitation", buf_text(&parameters), spec->language, "UTC", NULL};
    return mail_queue_add(arena, tx, spec->client_id, &mail, &recipient);
}

enum err user_create(struct arena *arena, struct tx *tx, const struct user_spec *spec, struct change *by,
                     struct user_made *out) {
    if (!token_holds(&spec->tenants)) return ERR_INVALID;
    bool invited = !*spec->password_hash;
    *out = (struct user_made){.link = ""};
    random_id20(out->user_id);
    if (invited) {
        random_id20(out->invitation);
        random_id20(out->invitation + INVITATION_CHARS / 2);
        out->link = link_of(arena, spec->client_id, out->invitation);
    }
    TRY(insert(tx, spec, out));
    if (invited && *config()->smtp_url) TRY(queue_mail(arena, tx, spec, out, by->by));
    return user_record(tx, spec->client_id, out->user_id, "create", by);
}

/* ---- by the API ---- */

static enum err read_spec(struct request *r, const struct users_create_args *args, struct user_spec *out) {
    struct tenant_choice choice;
    *out = (struct user_spec){
        .client_id = r->client_id,
        .email = args->email,
        .name = args->name,
        .language = args->language ? args->language : "en",
        .role = role_parse(args->role),
        .password_hash = "",
    };
    if (out->role == ROLE_SUPERVISOR && r->who.role != ROLE_SUPERVISOR)
        return fail(r, ERR_FORBIDDEN, "Only an administrator invites an administrator.");
    TRY(tenants_choose(r, args->tenants, args->tenants_n, &choice));
    out->all_tenants = choice.all;
    out->tenants = choice.ids;
    return OK;
}

enum err users_create(struct request *r, const struct users_create_args *args, struct reply *out) {
    struct user_spec spec;
    struct user_made made;
    struct change by = change_of(r);
    struct db_scope scope = client_scope(r->client_id);
    TRY(read_spec(r, args, &spec));
    scope_tx struct tx tx = {0};
    TRY(tx_begin_write(&tx, &scope));
    enum err e = user_create(r->arena, &tx, &spec, &by, &made);
    if (e == ERR_CONFLICT) return fail(r, e, "There is a user with this e-mail already.");
    TRY(e);
    json_open(&out->body, '{');
    json_key(&out->body, "user");
    TRY(user_write(r, &tx, made.user_id, &out->body));
    json_kstr(&out->body, "invitation_token", made.invitation);
    json_kstr(&out->body, "invitation_link", made.link);
    json_close(&out->body, '}');
    return write_commit(r, &tx, by.stamp, out);
}
