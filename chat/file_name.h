/* Names of attached files: display text that clients put into paths, so it is made harmless. Pure. Source: contract A6
 * (full_name), security.md "Attachments", RFC 6266 (Content-Disposition), WHATWG HTML "multipart/form-data encoding". */
#ifndef CHAT_FILE_NAME_H
#define CHAT_FILE_NAME_H

#include "base/buf.h"

enum { FILE_NAME_MAX = 255, FILE_NAME_BYTES = FILE_NAME_MAX + 1 };

/* Any bytes -> 1..255 bytes of valid UTF-8 in NFC, without '/', '\', control and bidirectional characters, without blanks at
 * either end and dots at the end. Path parts before the last separator go; bytes that are no UTF-8 become '_'; a name that is too
 * long loses the end of its stem, not its extension; one of which nothing is left is "file".
 * Percent forms: %22 %0D %0A as browsers and curl write them; a pure ASCII name whose escapes spell non-ASCII UTF-8 is decoded. */
void file_name_clean(const char *raw, char out[FILE_NAME_BYTES]);

/* Appends `attachment; filename="..."; filename*=UTF-8''...` (kind: attachment or inline) for a cleaned name. */
void content_disposition(struct buf *out, const char *kind, const char *name);

#endif
