#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "build/gen/operations.h"
#include "chat/chat.h"
#include "chat/file_name.h"

/* Half a piece at a time: the database gives bytes as hexadecimal text, twice as long. */
enum { PIECE_BYTES = 256 * 1024, SLICE_BYTES = 128 * 1024, ID_BYTES = 256 };

/* A file on its way out. Owns itself: the request is over by then. Between two slices no database connection is held. */
struct download {
    char client_id[ID_BYTES], attachment_id[ID_BYTES];
    int64_t size, next; /* next: offset of the slice after this one */
    size_t have, at;    /* of the present slice */
    unsigned char slice[SLICE_BYTES];
};

static bool take_hex(struct download *d, const char *text, size_t len) {
    if (len < 2 || memcmp(text, "\\x", 2) != 0) return false;
    d->at = 0;
    return sodium_hex2bin(d->slice, sizeof d->slice, text + 2, len - 2, NULL, &d->have, NULL) == 0;
}

/* Who may see the file was decided before the first byte; pieces have no tenant of their own. */
static bool fetch_slice(struct download *d) {
    struct db_scope scope = client_scope(d->client_id);
    scope_rows struct rows rows = {0};
    enum err e = db_read(&scope, &rows,
                         "select substring(data from $4::integer for $5::integer) from attachment_pieces"
                         " where client_id = $1 and attachment_id = $2 and piece = $3::integer",
                         "ssiii", d->client_id, d->attachment_id, d->next / PIECE_BYTES, d->next % PIECE_BYTES + 1,
                         (int64_t)SLICE_BYTES);
    if (e != OK || !rows.n || !take_hex(d, rows_text(&rows, 0, 0), rows_len(&rows, 0, 0))) return false;
    int64_t due = d->size - d->next < SLICE_BYTES ? d->size - d->next : SLICE_BYTES;
    d->next += due;
    return d->have == (size_t)due;
}

static int64_t download_some(void *source, char *out, size_t max) {
    struct download *d = source;
    if (d->at == d->have && d->next == d->size) return 0;
    if (d->at == d->have && !fetch_slice(d)) {
        LOG(WARN, "download_broken_off", log_s("client_id", d->client_id), log_s("attachment_id", d->attachment_id));
        return -1;
    }
    size_t n = d->have - d->at < max ? d->have - d->at : max;
    memcpy(out, d->slice + d->at, n);
    d->at += n;
    return (int64_t)n;
}

static enum err start_stream(struct request *r, const char *attachment_id, int64_t size, struct reply *out) {
    if (!size) return OK;
    struct download *d = calloc(1, sizeof *d);
    if (!d) return fail(r, ERR_UNAVAILABLE, "Too many downloads; try again.");
    snprintf(d->client_id, sizeof d->client_id, "%s", r->client_id);
    snprintf(d->attachment_id, sizeof d->attachment_id, "%s", attachment_id);
    d->size = size;
    out->stream = download_some;
    out->stream_free = free;
    out->stream_source = d;
    out->stream_bytes = size;
    return OK;
}

static const char *disposition(struct request *r, const char *name) {
    scope_buf struct buf text;
    buf_init(&text, 4096);
    content_disposition(&text, "attachment", name);
    return arena_strdup(r->arena, buf_text(&text));
}

static enum err serve(struct request *r, const char *attachment_id, struct reply *out) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows,
                "select full_name, file_size from attachments where client_id = $1 and attachment_id = $2", "ss",
                r->client_id, attachment_id));
    if (!rows.n) return fail_not_found(r);
    out->content_type = "application/octet-stream";
    reply_header(out, "Content-Disposition", disposition(r, rows_text(&rows, 0, 0)));
    reply_header(out, "Content-Security-Policy", "sandbox");
    reply_header(out, "Cache-Control", "private, no-store");
    return start_stream(r, attachment_id, rows_int(&rows, 0, 1), out);
}

enum err attachments_download(struct request *r, const struct attachments_download_args *args, struct reply *out) {
    return serve(r, args->attachment_id, out);
}

enum err attachments_get(struct request *r, const struct no_args *args, struct reply *out) {
    (void)args;
    return serve(r, r->path_id, out);
}
