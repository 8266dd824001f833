#include <string.h>

#include "auth/write.h"
#include "base/random.h"
#include "build/gen/operations.h"
#include "chat/chat.h"
#include "incidents/touch.h"

/* Reading and marking as read in one snapshot: the rows show how it was before, the mark is the newest comment shown. */
static enum err read_comments(struct request *r, const char *incident_id, struct rows *out) {
    return db_read(
        &r->scope, out,
        "with newest as ("
        "    select max(creation_time) as stamp from comments where client_id = $1 and incident_id = $2"
        "), raised as ("
        "    insert into reads as r (client_id, reader_id, incident_id, comments_upto)"
        "    select $1, $3, $2, stamp from newest"
        "     where stamp is not null and not exists ("
        "           select from reads where client_id = $1 and reader_id = $3 and incident_id = $2"
        "                               and comments_upto >= stamp)"
        "    on conflict (client_id, reader_id, incident_id) do update"
        "       set comments_upto = greatest(r.comments_upto, excluded.comments_upto)"
        ")"
        "select c.body, coalesce(r.comments_upto, 0)"
        "  from incidents i"
        "  left join reads r on r.client_id = i.client_id and r.reader_id = $3 and r.incident_id = i.incident_id"
        "  left join comments c on c.client_id = i.client_id and c.incident_id = i.incident_id"
        " where i.client_id = $1 and i.incident_id = $2"
        " order by c.creation_time, c.comment_id",
        "sss", r->client_id, incident_id, r->who.reader_id);
}

enum err comments_list(struct request *r, const struct comments_list_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(read_comments(r, args->incident_id, &rows));
    if (!rows.n) return fail_not_found(r);
    struct projection p = chat_projection(r, &args->fields, args->markdown_to_html);
    p.reading.comments_upto = rows_int(&rows, 0, 1);
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n && !rows_null(&rows, i, 0); i++) project(&out->body, rows_slice(&rows, i, 0), &p);
    json_close(&out->body, ']');
    return OK;
}

static enum err insert_comment(struct request *r, struct tx *tx, const struct comments_create_args *args, int64_t stamp,
                               struct rows *out) {
    char id[ID20_BYTES];
    random_id20(id);
    return tx_run(
        tx, out,
        "with c as ("
        "    insert into comments (client_id, comment_id, incident_id, tenant_id, author_name, author_reader, text,"
        "                          creation_time, origin, body)"
        "    select i.client_id, $3, i.incident_id, i.tenant_id, $4, $5, $6, $7, $8, ''"
        "      from incidents i where i.client_id = $1 and i.incident_id = $2"
        "    returning *"
        ")"
        "select c.body, ledger_append(c.creation_time, c.tenant_id, c.incident_id, 'incident_comment', c.comment_id,"
        "                             'create', c.author_name, $9, c.body)"
        "  from c",
        "ssssssiss", r->client_id, args->incident_id, id, r->who.name, r->who.reader_id, args->text, stamp,
        origin_of(r), r->who.session_id);
}

enum err comments_create(struct request *r, const struct comments_create_args *args, struct reply *out) {
    int64_t stamp = 0;
    scope_tx struct tx tx = {0};
    scope_rows struct rows created = {0};
    TRY(write_begin(r, &tx));
    TRY(incident_lock(r, &tx, args->incident_id));
    TRY(incident_room(r, &tx, args->incident_id, strlen(args->text)));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(insert_comment(r, &tx, args, stamp, &created));
    if (!created.n) return fail_not_found(r);
    TRY(incident_touch(r, &tx, args->incident_id, stamp, 1));
    chat_reply_created(r, &created, args->markdown_to_html, out);
    return write_commit(r, &tx, stamp, out);
}

/* Whose comment, of which incident; the incident's row is locked before the comment changes, as everywhere. */
static enum err find_own(struct request *r, struct tx *tx, const char *comment_id, const char **incident_id) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows, "select incident_id, author_reader from comments where client_id = $1 and comment_id = $2",
               "ss", r->client_id, comment_id));
    if (!rows.n) return fail_not_found(r);
    if (strcmp(rows_text(&rows, 0, 1), r->who.reader_id) != 0)
        return fail(r, ERR_FORBIDDEN, "Only the author of a comment may delete it.");
    *incident_id = arena_strdup(r->arena, rows_text(&rows, 0, 0));
    return OK;
}

static enum err delete_comment(struct request *r, struct tx *tx, const char *comment_id, int64_t stamp) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(
        tx, &rows,
        "with c as (delete from comments where client_id = $1 and comment_id = $2 and author_reader = $3 returning *)"
        "select ledger_append($4, c.tenant_id, c.incident_id, 'incident_comment', c.comment_id, 'delete', $5, $6, "
        "c.body)"
        "  from c",
        "sssiss", r->client_id, comment_id, r->who.reader_id, stamp, r->who.name, r->who.session_id));
    return rows.n ? OK : fail_not_found(r);
}

enum err comments_delete(struct request *r, const struct comments_delete_args *args, struct reply *out) {
    int64_t stamp = 0;
    const char *incident_id = NULL;
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(find_own(r, &tx, args->comment_id, &incident_id));
    TRY(incident_lock(r, &tx, incident_id));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(delete_comment(r, &tx, args->comment_id, stamp));
    TRY(incident_touch(r, &tx, incident_id, stamp, 1));
    buf_adds(&out->body, "{}");
    return write_commit(r, &tx, stamp, out);
}
