#include "api/formats.h"

#include <string.h>

#include "base/tz.h"

enum { ASSET_ID_LEN = 34, UUID_LEN = 36, HOST_NAME_MAX_BYTES = 255, EMAIL_MAX_BYTES = 254, EMAIL_LOCAL_MAX_BYTES = 64 };

static bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

static bool all_hex(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!is_hex(s[i])) return false;
    return true;
}

/* ASCII only: what follows is hex digits, x and hyphens. */
static const char *lower_from(struct arena *arena, const char *s, size_t start) {
    char *copy = NULL;
    for (size_t i = start; s[i]; i++) {
        if (s[i] < 'A' || s[i] > 'Z') continue;
        if (!copy) copy = arena_strdup(arena, s);
        copy[i] = (char)(s[i] + ('a' - 'A'));
    }
    return copy ? copy : s;
}

static bool is_asset_id(const char *s) {
    return strlen(s) == ASSET_ID_LEN && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && all_hex(s + 2, ASSET_ID_LEN - 2);
}

static const char *check_host_ref(struct arena *arena, const char *s) {
    const char *colon = strrchr(s, ':');
    if (!colon || colon == s || colon - s > HOST_NAME_MAX_BYTES || !is_asset_id(colon + 1)) return NULL;
    for (const char *p = s; p < colon; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7F) return NULL;
    return lower_from(arena, s, (size_t)(colon + 1 - s));
}

static bool is_uuid(const char *s) {
    if (strlen(s) != UUID_LEN) return false;
    for (size_t i = 0; i < UUID_LEN; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? s[i] != '-' : !is_hex(s[i])) return false;
    }
    return true;
}

static bool is_email(const char *s) {
    const char *at = strchr(s, '@');
    size_t len = strlen(s);
    if (!at || at == s || !at[1] || len > EMAIL_MAX_BYTES || at - s > EMAIL_LOCAL_MAX_BYTES || strchr(at + 1, '@'))
        return false;
    for (const char *p = s; *p; p++)
        if (*p <= ' ' || *p >= 0x7F || strchr("<>()[]\\,;:\"", *p)) return false;
    return at[1] != '.' && at[1] != '-' && s[len - 1] != '.' && s[len - 1] != '-' && !strstr(at, "..");
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_clock(const char *s) {
    if (strlen(s) != 5 || s[2] != ':' || !is_digit(s[0]) || !is_digit(s[1]) || !is_digit(s[3]) || !is_digit(s[4]))
        return false;
    return (s[0] - '0') * 10 + s[1] - '0' < 24 && s[3] < '6';
}

static const char *lower_if(bool good, struct arena *arena, const char *s) {
    return good ? lower_from(arena, s, 0) : NULL;
}

const char *format_check(struct arena *arena, enum format format, const char *s, const char **wanted) {
    static const char *const names[] = {
        [FORMAT_NONE] = "a string",
        [FORMAT_ASSET_ID] = "an asset id: 0x and 32 hex digits",
        [FORMAT_HOST_REF] = "HOST-NAME:0x and 32 hex digits, as assets/suggestion gives it",
        [FORMAT_UUID] = "a UUID",
        [FORMAT_EMAIL] = "an e-mail address",
        [FORMAT_TIME_MS] = "milliseconds since 1970",
        [FORMAT_TIMEZONE] = "the IANA name of a time zone, such as Asia/Tokyo",
        [FORMAT_SHA256] = "a SHA-256: 64 hex digits",
        [FORMAT_MD5] = "an MD5: 32 hex digits",
        [FORMAT_CLOCK] = "a time of the day, 00:00 to 23:59",
        [FORMAT_HOST_GLOB] = "a host name in which only * and ? stand for other characters",
    };
    *wanted = names[format];
    switch (format) {
    case FORMAT_ASSET_ID: return lower_if(is_asset_id(s), arena, s);
    case FORMAT_HOST_REF: return check_host_ref(arena, s);
    case FORMAT_UUID: return lower_if(is_uuid(s), arena, s);
    case FORMAT_EMAIL: return is_email(s) ? s : NULL;
    case FORMAT_TIMEZONE: return tz_valid(s) ? s : NULL;
    case FORMAT_SHA256: return lower_if(strlen(s) == 64 && all_hex(s, 64), arena, s);
    case FORMAT_MD5: return lower_if(strlen(s) == 32 && all_hex(s, 32), arena, s);
    case FORMAT_CLOCK: return is_clock(s) ? s : NULL;
    case FORMAT_HOST_GLOB: return strpbrk(s, "[]{}\\/:") ? NULL : s;
    case FORMAT_NONE:
    case FORMAT_TIME_MS: break;
    }
    return s;
}
