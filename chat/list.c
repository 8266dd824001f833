#include "base/pages.h"
#include "build/gen/operations.h"
#include "chat/chat.h"

static const struct order timeline = {.sort = "creation_time:asc", .column = "creation_time", .id = "id"};

/* What is listed, as a name for its pages: the statement itself is a fixed text. */
static struct walk walk_of(const struct request *r, const struct chat_list_args *args) {
    scope_sql struct sql name;
    sql_init(&name);
    sql_add(&name, "chat of ? behind ?", "si", args->incident_id, args->after);
    return walk_begin(r->client_id, r->who.session_id, &name, &timeline, args->page, args->page_size);
}

static void remember_end(const struct rows *rows, struct walk *walk) {
    int last = rows->n - 1;
    if (rows_null(rows, last, 0)) return;
    walk_note_last(walk, rows_int(rows, last, 1), NULL, "");
    walk_remember(walk);
}

/* One page, and the marks raised to the newest of each kind on it, in one snapshot. It begins behind the stamp where the page
 * before ended, so that a comment deleted in the meantime takes no other entry with it. */
static enum err read_page(struct request *r, const struct chat_list_args *args, const struct walk *walk,
                          struct rows *out) {
    return db_read(
        &r->scope, out,
        "with page as ("
        "    select 'comment' as kind, creation_time, comment_id as id, body from comments"
        "     where client_id = $1 and incident_id = $2 and creation_time > $4"
        "    union all"
        "    select 'attachment', creation_time, attachment_id, body from attachments"
        "     where client_id = $1 and incident_id = $2 and creation_time > $4"
        "     order by creation_time, id limit $5 offset $6"
        "), seen as ("
        "    select coalesce(max(creation_time) filter (where kind = 'comment'), 0) as comments,"
        "           coalesce(max(creation_time) filter (where kind = 'attachment'), 0) as attachments from page"
        "), raised as ("
        "    insert into reads as r (client_id, reader_id, incident_id, comments_upto, attachments_upto)"
        "    select $1, $3, $2, comments, attachments from seen"
        "     where comments + attachments > 0 and not exists ("
        "           select from reads where client_id = $1 and reader_id = $3 and incident_id = $2"
        "                               and comments_upto >= comments and attachments_upto >= attachments)"
        "    on conflict (client_id, reader_id, incident_id) do update"
        "       set comments_upto = greatest(r.comments_upto, excluded.comments_upto),"
        "           attachments_upto = greatest(r.attachments_upto, excluded.attachments_upto)"
        ")"
        "select p.kind, p.creation_time, p.body, coalesce(r.comments_upto, 0), coalesce(r.attachments_upto, 0)"
        "  from incidents i"
        "  left join reads r on r.client_id = i.client_id and r.reader_id = $3 and r.incident_id = i.incident_id"
        "  left join page p on true"
        " where i.client_id = $1 and i.incident_id = $2"
        " order by p.creation_time, p.id",
        "sssiii", r->client_id, args->incident_id, r->who.reader_id, walk->at.begun ? walk->at.number : args->after,
        args->page_size, walk->leap);
}

static void add_entry(struct buf *out, const struct rows *rows, int row, const struct projection *p) {
    const char *kind = rows_text(rows, row, 0);
    json_open(out, '{');
    json_kstr(out, "kind", kind);
    json_kint(out, "creation_time", rows_int(rows, row, 1));
    json_key(out, kind);
    project(out, rows_slice(rows, row, 2), p);
    json_close(out, '}');
}

enum err chat_list(struct request *r, const struct chat_list_args *args, struct reply *out) {
    scope_rows struct rows rows = {0};
    scope_walk struct walk walk = walk_of(r, args);
    TRY(read_page(r, args, &walk, &rows));
    if (!rows.n) return fail_not_found(r);
    remember_end(&rows, &walk);
    struct projection p = chat_projection(r, NULL, args->markdown_to_html);
    p.reading.comments_upto = rows_int(&rows, 0, 3);
    p.reading.attachments_upto = rows_int(&rows, 0, 4);
    json_open(&out->body, '[');
    for (int i = 0; i < rows.n && !rows_null(&rows, i, 0); i++) add_entry(&out->body, &rows, i, &p);
    json_close(&out->body, ']');
    return OK;
}
