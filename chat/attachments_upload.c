#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/json_bounds.h"
#include "api/upload.h"
#include "api/validate.h"
#include "auth/write.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "build/gen/operations.h"
#include "chat/chat.h"
#include "chat/file_name.h"
#include "incidents/touch.h"

enum {
    PIECE_BYTES = 256 * 1024,
    STORING_MAX = 2, /* each holds a database connection for some 0.3 s: the rest of the pool is for the others */
    STORING_WAIT_S = 20,
};

/* ---- what came ---- */

static enum err check_parts(struct request *r, const struct upload *u) {
    if (u->failed) return fail(r, ERR_UNAVAILABLE, "There is no room for the file at the moment.");
    if (u->malformed) return fail(r, ERR_MALFORMED, "The multipart body is malformed.");
    if (u->cut_short) return fail(r, ERR_MALFORMED, "The multipart body ends before its closing boundary.");
    if (u->unknown_part) return fail(r, ERR_INVALID, "The parts of an upload are file and meta, nothing else.");
    if (u->twice) return fail(r, ERR_INVALID, "The parts file and meta come once each.");
    if (u->fd < 0) return fail_at(r, "/file", "is required");
    if (u->meta.failed) return fail_at(r, "/meta", "may have %d bytes", UPLOAD_META_MAX);
    if (!u->meta.len) return fail_at(r, "/meta", "is required");
    return OK;
}

static const struct schema *schema_of(const struct request *r) {
    for (size_t i = 0; i < operations_n; i++)
        if (!strcmp(operations[i].id, r->operation)) return operations[i].args;
    return NULL;
}

/* The request keeps the parsed meta: its texts are borrowed from there. */
static enum err read_meta(struct request *r, struct attachments_upload_args *args) {
    const struct buf *meta = &r->upload->meta;
    TRY(json_bounds_check(r, buf_text(meta), meta->len, JSON_NODES_MAX));
    json_error_t error;
    r->body = json_loadb(buf_text(meta), meta->len, JSON_REJECT_DUPLICATES, &error);
    if (!r->body) return json_fail(r, &error);
    return validate_at(r, "/meta", schema_of(r), r->body, args);
}

/* ---- whose incident ---- */

/* A connector writes only about what it was handed. The task's incident takes the place of the one that others name. */
static enum err find_task(struct request *r, struct attachments_upload_args *a) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows,
                "select incident_id from responses where client_id = $1 and response_id = $2"
                "   and connector_session = $3 and execution_state in ('leased', 'running')",
                "sss", r->client_id, a->response_id, r->who.session_id));
    if (!rows.n) return fail_not_found(r);
    const char *incident_id = rows_text(&rows, 0, 0);
    if (a->incident_id && strcmp(a->incident_id, incident_id) != 0) return fail_not_found(r);
    a->incident_id = arena_strdup(r->arena, incident_id);
    return OK;
}

static enum err find_incident(struct request *r, struct attachments_upload_args *a) {
    bool connector = r->who.role == ROLE_CONNECTOR;
    if (connector && !a->response_id) return fail_at(r, "/meta/response_id", "Name the task that this belongs to.");
    if (!connector && a->response_id) return fail_at(r, "/meta/response_id", "Only a connector names a task.");
    return connector ? find_task(r, a) : OK;
}

/* Once the incident is locked no task of it changes hands. */
static enum err check_task(struct request *r, struct tx *tx, const struct attachments_upload_args *a) {
    scope_rows struct rows rows = {0};
    if (!a->response_id) return OK;
    TRY(tx_run(tx, &rows,
               "select 1 from responses where client_id = $1 and response_id = $2 and connector_session = $3"
               "   and execution_state in ('leased', 'running')",
               "sss", r->client_id, a->response_id, r->who.session_id));
    return rows.n ? OK : fail(r, ERR_STALE_EPOCH, "The task went to somebody else, or is over.");
}

/* ---- room ---- */

static sem_t storing;
static pthread_once_t storing_ready = PTHREAD_ONCE_INIT;
static void init_storing(void) { sem_init(&storing, 0, STORING_MAX); }

static void storing_leave(bool *entered) {
    if (*entered) sem_post(&storing);
}
#define scope_storing __attribute__((cleanup(storing_leave)))

static bool storing_enter(void) {
    struct timespec until = monotonic_at(monotonic_ms() + STORING_WAIT_S * 1000);
    pthread_once(&storing_ready, init_storing);
    int failed;
    while ((failed = sem_clockwait(&storing, CLOCK_MONOTONIC, &until)) && errno == EINTR) continue;
    return !failed;
}

static enum err judge_room(struct request *r, const struct rows *rows) {
    if (!rows->n) return fail_not_found(r);
    if (rows_int(rows, 0, 0) >= CHAT_FILES_MAX)
        return fail(r, ERR_CONFLICT, "An incident may have %d attachments.", CHAT_FILES_MAX);
    if (rows_int(rows, 0, 1) + r->upload->size_bytes > CHAT_FILES_BYTES_MAX)
        return fail(r, ERR_CONFLICT, "The attachments of an incident may have %lld bytes in all.",
                    CHAT_FILES_BYTES_MAX);
    return OK;
}

#define ROOM_SQL                                                                                                       \
    "select (select count(*) from attachments a where a.client_id = $1 and a.incident_id = $2),"                       \
    "       (select coalesce(sum(file_size), 0)::bigint from attachments a where a.client_id = $1 and a.incident_id "  \
    "= $2)"                                                                                                            \
    "  from incidents where client_id = $1 and incident_id = $2"

/* Before ten megabytes are written for nothing; counts again once the incident is locked. */
static enum err check_room(struct request *r, const char *incident_id) {
    scope_rows struct rows rows = {0};
    TRY(db_read(&r->scope, &rows, ROOM_SQL, "ss", r->client_id, incident_id));
    return judge_room(r, &rows);
}

static enum err lock_incident_with_room(struct request *r, struct tx *tx, const char *incident_id) {
    scope_rows struct rows rows = {0};
    TRY(incident_lock(r, tx, incident_id));
    TRY(tx_run(tx, &rows, ROOM_SQL, "ss", r->client_id, incident_id));
    return judge_room(r, &rows);
}

/* ---- storing ---- */

static enum err read_piece(struct request *r, char *piece, size_t *len) {
    *len = 0;
    while (*len < PIECE_BYTES) {
        ssize_t n = read(r->upload->fd, piece + *len, PIECE_BYTES - *len);
        if (n == 0) return OK;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            LOG(ERROR, "upload_spool_failed", log_errno());
            return fail(r, ERR_UNAVAILABLE, "The file could not be read back.");
        }
        *len += (size_t)n;
    }
    return OK;
}

static enum err insert_pieces(struct request *r, struct tx *tx, const char *id) {
    char *piece = arena_alloc(r->arena, PIECE_BYTES);
    size_t len = 0;
    for (int64_t n = 0;; n++) {
        TRY(read_piece(r, piece, &len));
        if (!len) return OK;
        TRY(tx_run(
            tx, NULL,
            "insert into attachment_pieces (client_id, attachment_id, piece, data) values ($1, $2, $3::integer, $4)",
            "ssix", r->client_id, id, n, piece, len));
    }
}

static enum err insert_attachment(struct request *r, struct tx *tx, const char *id,
                                  const struct attachments_upload_args *args, int64_t stamp, struct rows *out) {
    char name[FILE_NAME_BYTES];
    file_name_clean(r->upload->file_name, name);
    return tx_run(
        tx, out,
        "with a as ("
        "    insert into attachments (client_id, attachment_id, incident_id, tenant_id, author_name, author_reader,"
        "                             caption, full_name, file_size, sha256, creation_time, origin, body)"
        "    select i.client_id, $3, i.incident_id, i.tenant_id, $4, $5, $6, $7, $8, $9, $10, $11, ''"
        "      from incidents i where i.client_id = $1 and i.incident_id = $2"
        "    returning *"
        ")"
        "select a.body, ledger_append(a.creation_time, a.tenant_id, a.incident_id, 'incident_attachment',"
        "                             a.attachment_id, 'create', a.author_name, $12, a.body)"
        "  from a",
        "sssssssisiss", r->client_id, args->incident_id, id, r->who.name, r->who.reader_id,
        args->caption ? args->caption : "", name, r->upload->size_bytes, r->upload->sha256_hex, stamp, origin_of(r),
        r->who.session_id);
}

/* The pieces first, the locks after: ten megabytes must not keep the incident and the client's clock. */
static enum err store(struct request *r, const struct attachments_upload_args *args, struct reply *out) {
    char id[ID20_BYTES];
    int64_t stamp = 0;
    scope_tx struct tx tx = {0};
    scope_rows struct rows created = {0};
    random_id20(id);
    TRY(tx_begin(&tx, &r->scope));
    TRY(insert_pieces(r, &tx, id));
    TRY(lock_incident_with_room(r, &tx, args->incident_id));
    TRY(check_task(r, &tx, args));
    TRY(write_clock(&tx, 1, &stamp));
    TRY(insert_attachment(r, &tx, id, args, stamp, &created));
    if (!created.n) return fail_not_found(r);
    TRY(incident_touch(r, &tx, args->incident_id, stamp, 1));
    chat_reply_created(r, &created, false, out);
    return write_commit(r, &tx, stamp, out);
}

enum err attachments_upload(struct request *r, const struct attachments_upload_args *args, struct reply *out) {
    (void)args;
    struct attachments_upload_args meta = {0};
    TRY(check_parts(r, r->upload));
    TRY(read_meta(r, &meta));
    TRY(find_incident(r, &meta));
    TRY(check_room(r, meta.incident_id));
    scope_storing bool entered = storing_enter();
    if (!entered) return fail(r, ERR_UNAVAILABLE, "Too many files are being stored; try again.");
    return store(r, &meta, out);
}
