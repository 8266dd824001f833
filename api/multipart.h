/* multipart/form-data as it comes in, byte by byte, without keeping it: names the parts, hands on their bytes.
 * Takes what clients really send: file names in UTF-8 as they are (browsers, curl, requests), with \" and \\ escaped, or as
 * filename*=UTF-8''... (RFC 2231, older clients), which wins. Pure. Sources: RFC 7578, RFC 2046 section 5.1, RFC 8187. */
#ifndef API_MULTIPART_H
#define API_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

enum { MULTIPART_BOUNDARY_MAX = 70, MULTIPART_HEAD_MAX = 8192, MULTIPART_TEXT_MAX = 1024, MULTIPART_PARTS_MAX = 100 };

enum multipart_state { MULTIPART_DATA, MULTIPART_DELIMITED, MULTIPART_HEAD, MULTIPART_END, MULTIPART_BROKEN };

struct multipart_part {
    char name[64];                      /* "" where it has none, or one that is too long */
    char file_name[MULTIPART_TEXT_MAX]; /* as the client meant it; too long a one is cut */
    char media_type[128];               /* with its parameters */
};

struct multipart {
    void (*on_part)(void *user, const struct multipart_part *part);
    void (*on_data)(void *user, const char *data, size_t len); /* of the latest part */
    void *user;
    enum multipart_state state; /* MULTIPART_END: complete; MULTIPART_BROKEN: not multipart/form-data */
    int parts;
    char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CR LF - - boundary */
    size_t delimiter_len, matched;              /* matched: how much of it was seen */
    char after[2];                              /* what follows the delimiter on its line */
    size_t after_len;
    char head[MULTIPART_HEAD_MAX + 1];
    size_t head_len;
};

/* False: the type is no multipart/form-data, or has no boundary of 1..70 legal characters. The callbacks are set after. */
bool multipart_start(struct multipart *m, const char *content_type);
void multipart_feed(struct multipart *m, const char *data, size_t len);

#endif
