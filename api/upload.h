/* A multipart upload on its way: the file goes piece by piece into an unnamed temporary file, never whole into memory.
 * One per connection thread; the bytes of a caller without a valid token are thrown away. Source: contract A6, security.md. */
#ifndef API_UPLOAD_H
#define API_UPLOAD_H

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { UPLOAD_BYTES_MAX = 10485760, UPLOAD_META_MAX = 64 * 1024 };

struct upload {
    int fd;                          /* the spooled file, at offset 0 when the handler sees it; -1 = no file part */
    int64_t size_bytes;              /* of the file, also when it is over the limit */
    bool too_large, twice, failed;   /* over the limit; two file parts; no room on disk */
    bool cut_short, unknown_part;    /* no closing boundary; a part that is neither file nor meta */
    bool admitted;                   /* the token was checked before the first byte was kept */
    char file_name[1024];            /* as the client sent it */
    char media_type[128];
    struct buf meta;                 /* JSON text of the field `meta` */
    crypto_hash_sha256_state sha256;
    char sha256_hex[65];             /* after upload_finish */
};

void upload_init(struct upload *u);
void upload_free(struct upload *u);
void upload_file_piece(struct upload *u, const char *file_name, const char *media_type, uint64_t offset, const char *data,
                       size_t len);
void upload_meta_piece(struct upload *u, const char *data, size_t len);
void upload_finish(struct upload *u);   /* hash, rewind */

#endif
