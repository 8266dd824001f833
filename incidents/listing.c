#include "incidents/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/list_writer.h"
#include "base/hash.h"
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
    NUMBER_COLUMN,
    STAMP_COLUMN,
};

/* All that a page needs, on its own memory: a streamed page outlives its request. */
struct listing {
    struct arena arena;
    struct request r; /* scope and reader only */
    struct sql where;
    struct strings fields;
    struct list_writer writer;
    bool html, by_update, descending, offset_known, ended;
    bool follows; /* rows were sent before those that are pending */
    int64_t page, left, offset;
    uint64_t id;
    struct position at;
    struct buf pending; /* rendered, not yet sent */
    size_t sent;
};

static void listing_free(void *arg) {
    struct listing *l = arg;
    sql_free(&l->where);
    position_free(&l->at);
    buf_free(&l->pending);
    list_writer_free(&l->writer);
    arena_free(&l->arena);
    free(l);
}

/* Names the listing: the same reader, filter, order and page size. */
static uint64_t listing_id(const struct listing *l, const struct incidents_list_args *args) {
    uint64_t h = hash_add_text(HASH_START, l->r.who.session_id);
    h = hash_add(h, buf_text(&l->where.text), l->where.text.len);
    h = hash_add(h, buf_text(&l->where.values), l->where.values.len);
    h = hash_add(h, &args->page_size, sizeof args->page_size);
    return hash_add(h, (bool[]){l->by_update, l->descending}, 2);
}

static void set_order(struct listing *l, const struct incidents_list_args *args) {
    l->by_update = args->sort ? !strncmp(args->sort, "update_time", 11) : args->filter.has_min_update_time;
    l->descending = args->sort ? strstr(args->sort, ":desc") != NULL : !args->filter.has_min_update_time;
}

static struct listing *listing_new(struct request *r, const struct incidents_list_args *args) {
    struct listing *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    arena_init(&l->arena, 1024 * 1024);
    buf_init(&l->pending, STREAM_BYTES_MAX);
    sql_init(&l->where);
    incidents_where(r, &l->where, &args->filter);
    set_order(l, args);
    l->r = *r;
    l->r.who.session_id = arena_strdup(&l->arena, r->who.session_id);
    l->r.who.reader_id = arena_strdup(&l->arena, r->who.reader_id);
    l->r.scope.client_id = l->r.client_id = arena_strdup(&l->arena, r->client_id);
    l->r.scope.tenants = arena_strdup(&l->arena, r->scope.tenants);
    l->fields.v = arena_alloc(&l->arena, (args->fields.n + 1) * sizeof *l->fields.v);
    for (; l->fields.n < args->fields.n; l->fields.n++)
        l->fields.v[l->fields.n] = arena_strdup(&l->arena, args->fields.v[l->fields.n]);
    l->html = args->markdown_to_html;
    l->page = args->page;
    l->left = args->page_size;
    l->id = listing_id(l, args);
    if (args->page > 1 && !pages_recall(l->id, args->page, &l->at)) l->offset = (args->page - 1) * args->page_size;
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
                " i.update_time, i.incident_id, i.incident_number, (select stamp from clocks where client_id = ?)"
                " from ",
                "s", l->r.client_id);
    else
        sql_add(q, " i.creation_time, i.incident_id, null, null from ", "");
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

/* int64 numbers as an array literal. */
static void add_not_served(const struct listing *l, struct sql *q) {
    if (!l->at.served_n) return;
    scope_buf struct buf numbers;
    buf_init(&numbers, 32 * PAGE_SERVED_MAX);
    for (size_t i = 0; i < l->at.served_n; i++) buf_addf(&numbers, "%c%lld", i ? ',' : '{', (long long)l->at.served[i]);
    buf_addc(&numbers, '}');
    sql_add(q, " and i.incident_number <> all(?::bigint[])", "s", buf_text(&numbers));
}

static void add_position(const struct listing *l, struct sql *q) {
    const char *column = l->by_update ? "update_time" : "creation_time";
    if (!l->at.started) return;
    char piece[120], way = l->descending ? '<' : '>';
    /* the bare comparison of times is leakproof and so finds the index; the pair settles ties */
    snprintf(piece, sizeof piece, " and i.%s %c= ? and (i.%s, i.incident_id) %c (?, ?)", column, way, column, way);
    sql_add(q, piece, "iis", l->at.last_time, l->at.last_time, l->at.last_id);
    if (l->by_update) add_not_served(l, q);
}

static void add_order(const struct listing *l, struct sql *q) {
    const char *column = l->by_update ? "update_time" : "creation_time", *way = l->descending ? "desc" : "asc";
    char piece[120];
    snprintf(piece, sizeof piece, " order by i.%s %s, i.incident_id %s", column, way, way);
    sql_add(q, piece, "");
}

static void add_next(struct listing *l, struct sql *q, int64_t rows) {
    add_select(l, q);
    add_where(l, q);
    add_position(l, q);
    add_order(l, q);
    sql_add(q, " limit ?", "i", rows);
}

/* A page whose place nobody remembers: the rows before it are skipped in the index, without a look at them. */
static void add_skipping(struct listing *l, struct sql *q, int64_t rows) {
    add_columns(l, q);
    sql_add(q, "(select i.client_id, i.incident_id from incidents i", "");
    add_where(l, q);
    add_order(l, q);
    sql_add(q, " limit ? offset ?) k join incidents i on i.client_id = k.client_id and i.incident_id = k.incident_id",
            "ii", rows, l->offset);
    add_reads(l, q);
    add_order(l, q);
    q->plan_for_values = true;
}

static void render(struct listing *l, const struct rows *rows, int row) {
    struct projection how = {
        .fields = &l->fields,
        .html = l->html,
        .reading = reading_from(&l->r, rows, row, FIRST_READING_COLUMN),
        .update_time_max = l->by_update && l->at.started ? l->at.snapshot : 0,
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
    bool first = !l->at.started;
    int64_t snapshot = first && rows->n ? rows_int(rows, 0, STAMP_COLUMN) : l->at.snapshot;
    if (rows->n && l->follows && !l->pending.len && l->writer.format == LIST_JSON) buf_addc(&l->pending, ',');
    make_room(l, rows);
    for (int i = 0; i < rows->n; i++) render(l, rows, i);
    l->at.snapshot = snapshot;
    for (int i = 0; i < rows->n; i++)
        position_note(&l->at, rows_int(rows, i, TIME_COLUMN), rows_text(rows, i, ID_COLUMN),
                      rows_int(rows, i, NUMBER_COLUMN), l->by_update);
}

/* Rows that jumped ahead of the pages given so far, newest first order: they would be lost. */
static enum err take_jumped(struct listing *l, int64_t most) {
    if (!l->by_update || !l->descending || !l->at.started || most <= 0) return OK;
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    add_select(l, &q);
    add_where(l, &q);
    sql_add(&q, " and i.update_time > ? and i.creation_time <= ?", "ii", l->at.snapshot, l->at.snapshot);
    add_not_served(l, &q);
    sql_add(&q, " order by i.update_time, i.incident_id limit ?", "i", most);
    TRY(db_read_sql(&l->r.scope, &rows, &q));
    struct position end = l->at;
    take_rows(l, &rows);
    /* the walk itself stays where it was; what is given is only noted as served */
    l->at.last_time = end.last_time;
    memcpy(l->at.last_id, end.last_id, sizeof end.last_id);
    l->left -= rows.n;
    return OK;
}

static enum err next_slice(struct listing *l) {
    int64_t want = l->left < SLICE_ROWS ? l->left : SLICE_ROWS;
    scope_rows struct rows rows = {0};
    scope_sql struct sql q;
    sql_init(&q);
    if (l->offset && !l->at.started)
        add_skipping(l, &q, want);
    else
        add_next(l, &q, want);
    TRY(db_read_sql(&l->r.scope, &rows, &q));
    take_rows(l, &rows);
    l->left -= rows.n;
    if (rows.n < want) {
        TRY(take_jumped(l, l->left));
        l->ended = true;
    }
    if (l->left > 0 && !l->ended) return OK;
    if (l->at.started && (l->left == 0 || l->page > 1)) pages_remember(l->id, l->page, &l->at);
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
