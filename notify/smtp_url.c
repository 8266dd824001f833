#include "notify/smtp_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_hex(char c) { return c && strchr("0123456789abcdefABCDEF", c); }

static char *decoded(struct arena *arena, const char *text, size_t len) {
    char *out = arena_alloc(arena, len + 1);
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        bool escape = text[i] == '%' && i + 2 < len && is_hex(text[i + 1]) && is_hex(text[i + 2]);
        out[n++] = escape ? (char)strtol((char[]){text[i + 1], text[i + 2], 0}, NULL, 16) : text[i];
        if (escape) i += 2;
    }
    return out;
}

enum err smtp_url_parse(struct arena *arena, const char *url, struct smtp_target *out) {
    *out = (struct smtp_target){{0}};
    bool tls = !strncasecmp(url, "smtps://", 8);
    if (!tls && strncasecmp(url, "smtp://", 7) != 0) return ERR_INVALID;
    const char *rest = strstr(url, "://") + 3, *at = strrchr(rest, '@'), *host = at ? at + 1 : rest;
    if (!*host) return ERR_INVALID;
    out->server.url = arena_printf(arena, "%s%s", tls ? "smtps://" : "smtp://", host);
    out->server.require_tls = tls;
    if (!at) return OK;
    const char *colon = memchr(rest, ':', (size_t)(at - rest)), *user_end = colon ? colon : at;
    out->server.user = decoded(arena, rest, (size_t)(user_end - rest));
    if (colon) out->server.password = decoded(arena, colon + 1, (size_t)(at - colon - 1));
    return OK;
}
