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
    crypto_hash_sha256_init(&u->sha256);
}

void upload_free(struct upload *u) {
    if (u->fd >= 0) close(u->fd);
    buf_free(&u->meta);
    upload_init(u);
}

/* Unnamed: nothing is left behind whatever happens to the process. */
static int open_spool(void) {
    const char *folder = getenv("TMPDIR");
    int fd = open(folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd;
}

static void first_piece(struct upload *u, const char *file_name, const char *media_type) {
    if (u->fd >= 0) {
        u->twice = true;
        return;
    }
    snprintf(u->file_name, sizeof u->file_name, "%s", file_name ? file_name : "");
    snprintf(u->media_type, sizeof u->media_type, "%s", media_type ? media_type : "");
    u->fd = open_spool();
    if (u->fd >= 0) return;
    u->failed = true;
    LOG(ERROR, "upload_spool_failed", log_errno());
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

void upload_file_piece(struct upload *u, const char *file_name, const char *media_type, uint64_t offset, const char *data,
                       size_t len) {
    if (offset == 0) first_piece(u, file_name, media_type);
    u->size_bytes += (int64_t)len;
    if (u->size_bytes > UPLOAD_BYTES_MAX) u->too_large = true;
    if (u->too_large || u->failed || u->twice) return;
    crypto_hash_sha256_update(&u->sha256, (const unsigned char *)data, len);
    if (write_all(u->fd, data, len)) return;
    u->failed = true;
    LOG(ERROR, "upload_spool_failed", log_errno());
}

void upload_meta_piece(struct upload *u, const char *data, size_t len) { buf_add(&u->meta, data, len); }

void upload_finish(struct upload *u) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&u->sha256, hash);
    sodium_bin2hex(u->sha256_hex, sizeof u->sha256_hex, hash, sizeof hash);
    if (u->fd >= 0) lseek(u->fd, 0, SEEK_SET);
}
