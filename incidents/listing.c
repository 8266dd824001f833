#include "incidents/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/list_writer.h"
#include "base/log.h"
#include "base/pages.h"
#include "incidents/filter.h"
#include "incidents/show.h"

enum {
    SLICE_ROWS = 500,
    STREAM_BYTES_MAX = 64 * 1024 * 1024, /* of one slice */
    FIRST_READING_COLUMN = 4,
    TIME_COLUMN = FIRST_READING_COLUMN + READING_COLUMNS,
    ID_COLUMN,
    STAMP_COLUMN,
    SERVED_MAX = 10000, /* rows of a walk that its later pages leave out */
};

/* All that a page needs, on its own memory: a streamed page outlives its request. */
struct listing {
    struct arena arena;
    struct request r; /* scope and reader only */
    struct sql where;
    struct strings fields;
    struct list_writer writer;
    bool html, by_update, ended;
    bool follows; /* rows were sent before those that are pending */
    int64_t left;
    struct walk walk;
    struct buf pending; /* rendered, not yet sent */
    size_t sent;
};

static void listing_free(void *arg) {
    struct listing *l = arg;
    sql_free(&l->where);
    walk_end(&l->walk);
    buf_free(&l->pending);
    list_writer_free(&l->writer);
    arena_free(&l->arena);
    free(l);
}

static const struct order *order_of(const struct incidents_list_args *args) {
    static const struct order orders[] = {
        {"creation_time:asc", "creation_time", "incident_id", .descending = false},
        {"creation_time:desc", "creation_time", "incident_id", .descending = true},
        {"update_time:asc", "update_time", "incident_id", .descending = false, .noted = SERVED_MAX},
        {"update_time:desc", "update_time", "incident_id", .descending = true, .noted = SERVED_MAX},
    };
    const char *without = args->filter.has_min_update_time ? "update_time:asc" : "creation_time:desc";
    return order_named(orders, sizeof orders / sizeof *orders, args->sort ? args->sort : without);
}

static struct listing *listing_new(struct request *r, const struct incidents_list_args *args) {
    struct listing *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    arena_init(&l->arena, 1024 * 1024);
    buf_init(&l->pending, STREAM_BYTES_MAX);
    sql_init(&l->where);
    incidents_where(r, &l->where, &args->filter);
    l->r = *r;
    l->r.who.session_id = arena_strdup(&l->arena, r->who.session_id);
    l->r.who.reader_id = arena_strdup(&l->arena, r->who.reader_id);
    l->r.scope.client_id = l->r.client_id = arena_strdup(&l->arena, r->client_id);
    l->r.scope.tenants = arena_strdup(&l->arena, r->scope.tenants);
    l->fields.v = arena_alloc(&l->arena, (args->fields.n + 1) * sizeof *l->fields.v);
    for (; l->fields.n < args->fields.n; l->fields.n++)
        l->fields.v[l->fields.n] = arena_strdup(&l->arena, args->fields.v[l->fields.n]);
    l->html = args->markdown_to_html;
    l->left = args->page_size;
    l->walk = walk_begin(l->r.client_id, l->r.who.session_id, &l->where, order_of(args), args->page, args->page_size);
    l->by_update = l->walk.order->noted > 0;
    return l;
}

static bool shown(const struct listing *l, const char *field) {
    return !l->fields.n || strings_have(&l->fields, field);
}

/* Only a walk by update time needs what tells where rows went meanwhile. */
static void add_columns(struct listing *l, struct sql *q) {
    sql_add(q, "select i.body,", "");
    sql_add(q, shown(l, "comments") ? " i.comments," : " '',", "");
    sql_add(q, shown(l, "attachments") ? " i.attachments," : " '',", "");
    sql_add(q, shown(l, "responses") ? " i.responses," : " '',", "");
    sql_add(q, " " READING_SELECT ",", "");
    if (l->by_update)
        sql_add(q,
                " i.update_time, i.incident_id, (select stamp from clocks where client_id = ?)"
                " from ",
                "s", l->r.client_id);
    else
        sql_add(q, " i.creation_time, i.incident_id, null from ", "");
}

/* Lateral: one look by the key for each row of the page. A plain join becomes one over all that the reader ever read as
 * soon as the statistics of reads lag behind. */
static void add_reads(struct listing *l, struct sql *q) {
    sql_add(q,
            " left join lateral (select * from reads r where r.client_id = i.client_id and r.reader_id = ?"
            " and r.incident_id = i.incident_id offset 0) rd on true",
            "s", l->r.who.reader_id);
}

static void add_select(struct listing *l, struct sql *q) {
    add_columns(l, q);
    sql_add(q, "incidents i", "");
    add_reads(l, q);
}

static void add_where(struct listing *l, struct sql *q) {
    int next = q->n;
    for (const char *c = buf_text(&l->where.text); *c; c++) {
        /* the pieces of the filter carry numbers from 1: move them behind those that stand before */
        buf_addc(&q->text, *c);
        if (*c != '$') continue;
        char *end = NULL;
        buf_addf(&q->text, "%ld", strtol(c + 1, &end, 10) + next);
        c = end - 1;
    }
    for (int i = 0; i < l->where.n; i++) {
        q->params[q->n] = l->where.params[i];
        q->params[q->n].offset += q->values.len;
        q->n++;
    }
    buf_add(&q->values, buf_text(&l->where.values), l->where.values.len);
    q->plan_for_values = l->where.plan_for_values;
}

static void add_next(struct listing *l, struct sql *q, int64_t rows) {
    add_select(l, q);
    add_where(l, q);
    walk_add_behind(&l->walk, q, "i");
    walk_add_not_given(&l->walk, q, "i");
    order_add(l->walk.order, q, "i");
    sql_add(q, " limit ?", "i", rows);
}

/* A page whose place nobody remembers: the rows before it are skipped in the index, without a look at them. */
static void add_skipping(struct listing *l, struct sql *q, int64_t rows) {
    add_columns(l, q);
    sql_add(q, "(select i.client_id, i.incident_id from incidents i", "");
    add_where(l, q);
    order_add(l->walk.order, q, "i");
    sql_add(q, " limit ? offset ?) k join incidents i on i.client_id = k.client_id and i.incident_id = k.incident_id",
            "ii", rows, l->walk.leap);
    add_reads(l, q);
    order_add(l->walk.order, q, "i");
    q->plan_for_values = true;
}

static void render(struct listing *l, const struct rows *rows, int row) {
    struct projection how = {
        .fields = &l->fields,
        .html = l->html,
        .reading = reading_from(&l->r, rows, row, FIRST_READING_COLUMN),
        .update_time_max = l->by_update && l->walk.at.begun ? l->walk.at.snapshot : 0,
    };
    incident_show(list_item(&l->writer, &l->pending), rows, row, &how);
    list_item_end(&l->writer, &l->pending);
}

/* At once instead of by doubling: that copies all again and again. */
static void make_room(struct listing *l, const struct rows *rows) {
    size_t bytes = 0;
    for (int i = 0; i < rows->n; i++)
        for (int column = 0; column < FIRST_READING_COLUMN; column++) bytes += rows_len(rows, i, column);
    buf_reserve(&l->pending, bytes);
}

static void take_rows(struct listing *l, const struct rows *rows) {
    int64_t snapshot = l->walk.at.begun || !rows->n ? l->walk.at.snapshot : rows_int(rows, 0, STAMP_COLUMN);
    if (rows->n && l->follows && !l->pending.len && l->writer.format == LIST_JSON) buf_addc(&l->pending, ',');
    make_room(l, rows);
    for (int i = 0; i < rows->n; i++) {
        render(l, rows, i);
        walk_note_given(&l->walk, rows_text(rows, i, ID_COLUMN));
    }
    l->walk.at.snapshot = snapshot;
    l->left -= rows->n;
}

static void note_last(struct listing *l, const struct rows *rows) {
    int last = rows->n - 1;
    if (rows->n) walk_note_last(&l->walk, rows_int(rows, last, TIME_COLUMN), NULL, rows_text(rows, last, ID_COLUMN));
}

/* Rows that jumped ahead of the pages given so far, newest first order: they would be lost. The walk stays where it is. */
static enum err take_jumped(struct listing *l) {
    const struct place *at = &l->walk.at;
    if (!l->by_update || !l->walk.order->descending || !at->begun || l->left <= 0) return OK;
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    add_select(l, &q);
    add_where(l, &q);
    sql_add(&q, " and i.update_time > ? and i.creation_time <= ?", "ii", at->snapshot, at->snapshot);
    walk_add_not_given(&l->walk, &q, "i");
    sql_add(&q, " order by i.update_time, i.incident_id limit ?", "i", l->left);
    TRY(db_read_sql(&l->r.scope, &rows, &q));
    take_rows(l, &rows);
    return OK;
}

static enum err next_slice(struct listing *l) {
    int64_t want = l->left < SLICE_ROWS ? l->left : SLICE_ROWS;
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    if (l->walk.leap && !l->walk.at.begun)
        add_skipping(l, &q, want);
    else
        add_next(l, &q, want);
    TRY(db_read_sql(&l->r.scope, &rows, &q));
    take_rows(l, &rows);
    note_last(l, &rows);
    if (rows.n < want) {
        TRY(take_jumped(l));
        l->ended = true;
    }
    if (l->left > 0 && !l->ended) return OK;
    if (l->left == 0 || l->walk.page > 1) walk_remember(&l->walk);
    l->ended = true;
    list_close(&l->writer, &l->pending);
    return OK;
}

static int64_t stream_more(void *arg, char *out, size_t max) {
    struct listing *l = arg;
    if (l->sent == l->pending.len) {
        if (l->ended) return 0;
        l->follows = l->follows || l->pending.data[l->pending.len - 1] == '}';
        buf_reset(&l->pending);
        l->sent = 0;
        if (next_slice(l) != OK || l->pending.failed) {
            LOG(WARN, "listing_broken_off", log_s("client_id", l->r.client_id));
            return -1;
        }
    }
    size_t n = l->pending.len - l->sent < max ? l->pending.len - l->sent : max;
    memcpy(out, l->pending.data + l->sent, n);
    l->sent += n;
    return (int64_t)n;
}

enum err listing_empty(struct request *r, const struct incidents_list_args *args, struct reply *out) {
    struct list_writer w;
    list_writer_init(&w, r, args->fields.n ? &args->fields : &incidents_list_columns, out);
    list_open(&w, &out->body);
    list_close(&w, &out->body);
    list_writer_free(&w);
    return OK;
}

enum err listing_run(struct request *r, const struct incidents_list_args *args, struct reply *out) {
    struct listing *l = listing_new(r, args);
    if (!l) return ERR_UNAVAILABLE;
    list_writer_init(&l->writer, r, l->fields.n ? &l->fields : &incidents_list_columns, out);
    list_open(&l->writer, &l->pending);
    enum err e = next_slice(l);
    if (e == OK && l->pending.failed) e = ERR_TOO_LARGE;
    if (e == OK && !l->ended) {
        out->stream = stream_more;
        out->stream_free = listing_free;
        out->stream_source = l;
        return OK;
    }
    if (e == OK) {
        buf_free(&out->body);
        out->body = l->pending;
        buf_init(&l->pending, 0);
    }
    listing_free(l);
    return e;
}
