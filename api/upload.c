#define _GNU_SOURCE
#include "api/upload.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

void upload_init(struct upload *u) {
    *u = (struct upload){.fd = -1};
    buf_init(&u->meta, UPLOAD_META_MAX);
    sha256_init(&u->sha256);
}

void upload_free(struct upload *u) {
    if (u->fd >= 0) close(u->fd);
    buf_free(&u->meta);
    free(u->parser);
    upload_init(u);
}

/* Unnamed: nothing is left behind whatever happens to the process. */
static int open_spool(void) {
    const char *folder = getenv("TMPDIR");
    int fd = open(folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd;
}

static bool write_all(int fd, const char *data, size_t len) {
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n <= 0) return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- the parts as they come ---- */

static void open_file(struct upload *u, const struct multipart_part *part) {
    u->part = UPLOAD_PART_FILE;
    if (u->fd >= 0) {
        u->twice = true;
        return;
    }
    memcpy(u->file_name, part->file_name, sizeof u->file_name);
    u->fd = open_spool();
    if (u->fd >= 0) return;
    u->failed = true;
    LOG(ERROR, "upload_spool_failed", log_errno());
}

static void on_part(void *user, const struct multipart_part *part) {
    struct upload *u = user;
    u->part = UPLOAD_PART_OTHER;
    if (!strcmp(part->name, "file")) {
        open_file(u, part);
    } else if (!strcmp(part->name, "meta")) {
        u->part = UPLOAD_PART_META;
        if (u->meta_seen) u->twice = true;
        u->meta_seen = true;
    } else {
        u->unknown_part = true;
    }
}

static void add_to_file(struct upload *u, const char *data, size_t len) {
    u->size_bytes += (int64_t)len;
    if (u->size_bytes > UPLOAD_BYTES_MAX) u->too_large = true;
    if (u->too_large || u->failed || u->twice) return;
    sha256_update(&u->sha256, len, (const uint8_t *)data);
    if (write_all(u->fd, data, len)) return;
    u->failed = true;
    LOG(ERROR, "upload_spool_failed", log_errno());
}

static void on_data(void *user, const char *data, size_t len) {
    struct upload *u = user;
    if (u->part == UPLOAD_PART_FILE) add_to_file(u, data, len);
    if (u->part == UPLOAD_PART_META && !u->twice) buf_add(&u->meta, data, len);
}

/* ---- start, bytes, end ---- */

void upload_start(struct upload *u, const char *content_type, bool admitted) {
    u->failed = !admitted;
    if (!admitted) return;
    u->parser = malloc(sizeof *u->parser);
    u->failed = !u->parser;
    if (!u->parser) return;
    u->malformed = !multipart_start(u->parser, content_type);
    u->parser->on_part = on_part;
    u->parser->on_data = on_data;
    u->parser->user = u;
}

void upload_feed(struct upload *u, const char *data, size_t len) {
    if (u->parser) multipart_feed(u->parser, data, len);
}

void upload_finish(struct upload *u) {
    sha256_hex_end(&u->sha256, u->sha256_hex);
    if (u->parser && u->parser->state == MULTIPART_BROKEN) u->malformed = true;
    if (u->parser && u->parser->state != MULTIPART_END) u->cut_short = true;
    if (u->fd >= 0) lseek(u->fd, 0, SEEK_SET);
}
