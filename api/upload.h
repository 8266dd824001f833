/* A multipart upload on its way: the file goes piece by piece into an unnamed temporary file, never whole into memory.
 * One per connection; the bytes of a caller without a valid token are thrown away. Source: contract A6, security.md. */
#ifndef API_UPLOAD_H
#define API_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "api/multipart.h"
#include "base/buf.h"
#include "base/sha256.h"

enum { UPLOAD_BYTES_MAX = 10485760, UPLOAD_META_MAX = 64 * 1024 };

struct upload {
    int fd;                             /* the spooled file, at offset 0 when the handler sees it; -1 = no file part */
    int64_t size_bytes;                 /* of the file, also when it is over the limit */
    bool too_large, twice, failed;      /* over the limit; two parts of one name; no room on disk, or not admitted */
    bool cut_short, unknown_part;       /* no closing boundary; a part that is neither file nor meta */
    bool malformed;                     /* no multipart/form-data */
    char file_name[MULTIPART_TEXT_MAX]; /* as the client meant it */
    struct buf meta;                    /* JSON text of the part `meta` */
    bool meta_seen;
    enum { UPLOAD_PART_OTHER, UPLOAD_PART_FILE, UPLOAD_PART_META } part; /* that is coming in */
    struct multipart *parser;                                            /* NULL: what comes is thrown away */
    struct sha256_ctx sha256;
    char sha256_hex[SHA256_HEX_BYTES]; /* after upload_finish */
};

void upload_init(struct upload *u);
void upload_free(struct upload *u);

/* admitted: the token was checked; without it every byte is thrown away. */
void upload_start(struct upload *u, const char *content_type, bool admitted);
void upload_feed(struct upload *u, const char *data, size_t len);
void upload_finish(struct upload *u); /* whether it is complete; hash, rewind */

#endif
