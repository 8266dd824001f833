#include "base/mail.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "base/curl_start.h"

/* --- checks --- */

static bool atoms_ok(const char *s, size_t len) {
    if (!len || len > 64 || s[0] == '.' || s[len - 1] == '.') return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '.' && s[i - 1] == '.') return false;
        if (!isalnum((unsigned char)s[i]) && (!s[i] || !strchr(".!#$%&'*+-/=?^_`{|}~", s[i]))) return false;
        if ((unsigned char)s[i] >= 0x80) return false;
    }
    return true;
}

static bool label_ok(const char *s, size_t len) {
    if (!len || len > 63 || s[0] == '-' || s[len - 1] == '-') return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] >= 0x80 || (!isalnum((unsigned char)s[i]) && s[i] != '-')) return false;
    return true;
}

static bool host_ok(const char *s) {
    if (strlen(s) > 253) return false;
    for (;;) {
        size_t len = strcspn(s, ".");
        if (!label_ok(s, len)) return false;
        if (!s[len]) return true;
        s += len + 1;
    }
}

bool mail_address_ok(const char *address) {
    if (!address || strlen(address) > 254) return false;
    const char *at = strchr(address, '@');
    return at && atoms_ok(address, (size_t)(at - address)) && host_ok(at + 1);
}

/* Bytes of the character at s, 0 where it is no UTF-8. */
static size_t utf8_bytes(const unsigned char *s) {
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : (s[0] & 0xf0) == 0xe0       ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))) return 0;
    if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))) return 0;
    return n;
}

/* One line of UTF-8 without control characters. */
static bool header_ok(const char *text, size_t max) {
    if (!text || strlen(text) > max) return false;
    for (size_t n; *text; text += n) {
        n = utf8_bytes((const unsigned char *)text);
        if (!n || (unsigned char)*text < 0x20 || *text == 0x7f) return false;
        if (n == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0) return false;
    }
    return true;
}

static bool text_ok(const char *text) {
    if (!text) return false;
    for (size_t n; *text; text += n)
        if (!(n = utf8_bytes((const unsigned char *)text))) return false;
    return true;
}

static bool type_ok(const char *type) {
    if (!type || strlen(type) > 127) return false;
    size_t slashes = 0;
    for (const char *s = type; *s; s++) {
        if (*s == '/')
            slashes++;
        else if ((unsigned char)*s >= 0x80 || (!isalnum((unsigned char)*s) && !strchr("!#$&-^_.+", *s)))
            return false;
    }
    return slashes == 1 && type[0] != '/' && type[strlen(type) - 1] != '/';
}

static bool message_id_ok(const char *id) {
    size_t len = strlen(id);
    return len > 4 && len < 300 && id[0] == '<' && id[len - 1] == '>' && strchr(id, '@') && header_ok(id, 300) &&
           !strchr(id, ' ');
}

static bool mail_ok(const struct mail *mail) {
    if (!mail_address_ok(mail->from) || !mail_address_ok(mail->to)) return false;
    if (!header_ok(mail->subject, 998) || !text_ok(mail->text)) return false;
    if (mail->from_name && !header_ok(mail->from_name, 200)) return false;
    if (mail->message_id && !message_id_ok(mail->message_id)) return false;
    if (!mail->attachment_name) return true;
    return *mail->attachment_name && header_ok(mail->attachment_name, 255) && type_ok(mail->attachment_type);
}

/* --- writing --- */

static void add_base64(struct buf *out, const unsigned char *bytes, size_t len) {
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        uint32_t group =
            (uint32_t)bytes[i] << 16 | (have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (have > 2 ? bytes[i + 2] : 0);
        char four[4] = {DIGITS[group >> 18], DIGITS[group >> 12 & 63], have > 1 ? DIGITS[group >> 6 & 63] : '=',
                        have > 2 ? DIGITS[group & 63] : '='};
        buf_add(out, four, 4);
    }
}

static void add_base64_lines(struct buf *out, const void *bytes, size_t len) {
    const unsigned char *from = bytes;
    enum { PER_LINE = 57 };
    for (size_t i = 0; i < len; i += PER_LINE) {
        add_base64(out, from + i, len - i < PER_LINE ? len - i : PER_LINE);
        buf_adds(out, "\r\n");
    }
}

static bool is_short_ascii(const char *text) {
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s >= 0x80) return false;
    return strlen(text) <= 66 && !strstr(text, "=?") && text[0] != ' ';
}

/* RFC 2047: words of at most 75 characters, cut between characters, one a line. */
static void add_words(struct buf *out, const char *text) {
    enum { WORD_BYTES = 42 };
    const char *separator = "";
    while (*text) {
        size_t len = 0;
        for (size_t n; text[len] && (n = utf8_bytes((const unsigned char *)text + len)) && len + n <= WORD_BYTES;)
            len += n;
        buf_addf(out, "%s=?UTF-8?B?", separator);
        add_base64(out, (const unsigned char *)text, len);
        buf_adds(out, "?=");
        text += len;
        separator = "\r\n ";
    }
}

static void add_subject(struct buf *out, const char *subject) {
    buf_adds(out, "Subject: ");
    if (is_short_ascii(subject))
        buf_adds(out, subject);
    else
        add_words(out, subject);
    buf_adds(out, "\r\n");
}

static void add_from(struct buf *out, const struct mail *mail) {
    buf_adds(out, "From: ");
    if (mail->from_name && *mail->from_name) {
        add_words(out, mail->from_name);
        buf_addf(out, "\r\n <%s>\r\n", mail->from);
    } else {
        buf_addf(out, "%s\r\n", mail->from);
    }
}

/* Not strftime: its names follow the locale. */
static void add_date(struct buf *out, int64_t date_s) {
    static const char DAYS[] = "SunMonTueWedThuFriSat", MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t = {0};
    time_t at = (time_t)date_s;
    gmtime_r(&at, &t);
    buf_addf(out, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d +0000\r\n", DAYS + 3 * t.tm_wday, t.tm_mday,
             MONTHS + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void add_message_id(struct buf *out, const struct mail *mail, const char *random) {
    if (mail->message_id)
        buf_addf(out, "Message-ID: %s\r\n", mail->message_id);
    else
        buf_addf(out, "Message-ID: <%s@%s>\r\n", random, strchr(mail->from, '@') + 1);
}

static void add_text_part(struct buf *out, const char *text) {
    struct buf lines;
    buf_init(&lines, out->limit);
    for (const char *s = text; *s; s++) {
        if (*s == '\n' && (s == text || s[-1] != '\r')) buf_addc(&lines, '\r');
        buf_addc(&lines, *s);
    }
    buf_adds(out, "Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    add_base64_lines(out, buf_text(&lines), lines.len);
    if (lines.failed) out->failed = true;
    buf_free(&lines);
}

static bool is_plain_name(const char *name) {
    for (const char *s = name; *s; s++)
        if ((unsigned char)*s >= 0x80 || strchr("\"\\/;%", *s)) return false;
    return strlen(name) <= 60;
}

/* One of the two: given both, some readers take the poorer one. */
static void add_disposition(struct buf *out, const char *name) {
    buf_adds(out, "Content-Disposition: attachment;\r\n filename");
    if (is_plain_name(name)) {
        buf_addf(out, "=\"%s\"\r\n", name);
        return;
    }
    buf_adds(out, "*=UTF-8''");
    for (const char *s = name; *s; s++) {
        bool plain = (unsigned char)*s < 0x80 && (isalnum((unsigned char)*s) || strchr("-._~", *s));
        if (plain)
            buf_addc(out, *s);
        else
            buf_addf(out, "%%%02X", (unsigned char)*s);
    }
    buf_adds(out, "\r\n");
}

static void add_attachment(struct buf *out, const struct mail *mail) {
    buf_addf(out, "Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n", mail->attachment_type);
    add_disposition(out, mail->attachment_name);
    buf_adds(out, "\r\n");
    add_base64_lines(out, mail->attachment, mail->attachment_bytes);
}

static void add_body(struct buf *out, const struct mail *mail, const char *boundary) {
    if (!mail->attachment_name) {
        add_text_part(out, mail->text);
        return;
    }
    buf_addf(out, "Content-Type: multipart/mixed; boundary=\"=_%s\"\r\n\r\n--=_%s\r\n", boundary, boundary);
    add_text_part(out, mail->text);
    buf_addf(out, "--=_%s\r\n", boundary);
    add_attachment(out, mail);
    buf_addf(out, "--=_%s--\r\n", boundary);
}

static bool random_hex(char *out, size_t bytes) {
    unsigned char raw[32];
    if (bytes > sizeof raw || getrandom(raw, bytes, 0) != (ssize_t)bytes) return false;
    for (size_t i = 0; i < bytes; i++) snprintf(out + 2 * i, 3, "%02x", raw[i]);
    return true;
}

enum err mail_compose(const struct mail *mail, struct buf *out) {
    char id[33], boundary[33];
    if (!mail_ok(mail)) return ERR_INVALID;
    if (!random_hex(id, 16) || !random_hex(boundary, 16)) return ERR_INTERNAL;
    add_date(out, mail->date_s);
    add_from(out, mail);
    buf_addf(out, "To: %s\r\n", mail->to);
    add_subject(out, mail->subject);
    add_message_id(out, mail, id);
    buf_adds(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    add_body(out, mail, boundary);
    return out->failed ? ERR_INTERNAL : OK;
}

/* --- sending --- */

struct source {
    const struct buf *message;
    size_t at;
};

static size_t read_message(char *to, size_t size, size_t n, void *user) {
    struct source *source = user;
    size_t left = source->message->len - source->at, len = size * n < left ? size * n : left;
    memcpy(to, buf_text(source->message) + source->at, len);
    source->at += len;
    return len;
}

/* A host and perhaps a port; nothing else may ride along. */
static bool url_ok(const char *url) {
    if (!url || (strncasecmp(url, "smtp://", 7) && strncasecmp(url, "smtps://", 8))) return false;
    const char *host = strstr(url, "://") + 3;
    size_t len = strcspn(host, "/?#@\\ ");
    return len && len < 300 && (!host[len] || (host[len] == '/' && !host[len + 1]));
}

static void set_security(CURL *curl, const struct mail_server *server) {
    bool must = server->require_tls || server->password;
    curl_easy_setopt(curl, CURLOPT_USE_SSL, must ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, must ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, must ? 2L : 0L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (server->ca_file) curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
    if (server->user) curl_easy_setopt(curl, CURLOPT_USERNAME, server->user);
    if (server->password) curl_easy_setopt(curl, CURLOPT_PASSWORD, server->password);
}

static void set_limits(CURL *curl) {
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

static void set_message(CURL *curl, struct source *source) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_message);
    curl_easy_setopt(curl, CURLOPT_READDATA, source);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)source->message->len);
}

/* 5xx to MAIL, RCPT (send error) or the message itself (weird reply) is the server's last word; a refused login may
 * be mended. */
static bool is_permanent(CURL *curl, CURLcode code) {
    long reply = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
    return (code == CURLE_SEND_ERROR || code == CURLE_WEIRD_SERVER_REPLY) && reply >= 500 && reply <= 599;
}

static enum err perform(CURL *curl, char *why, size_t why_size, bool *permanent) {
    char text[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) return OK;
    long reply = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply);
    snprintf(why, why_size, "%s (last SMTP reply %ld)", *text ? text : curl_easy_strerror(code), reply);
    *permanent = is_permanent(curl, code);
    return ERR_UNAVAILABLE;
}

static enum err send_with(CURL *curl, struct curl_slist *receivers, const struct mail_server *server, const char *from,
                          const struct buf *message, char *why, size_t why_size, bool *permanent) {
    char sender[260];
    struct source source = {message, 0};
    snprintf(sender, sizeof sender, "<%s>", from);
    curl_easy_setopt(curl, CURLOPT_URL, server->url);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, sender);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, receivers);
    set_security(curl, server);
    set_limits(curl);
    set_message(curl, &source);
    return perform(curl, why, why_size, permanent);
}

enum err mail_send(const struct mail_server *server, const char *from, const char *to, const struct buf *message,
                   char *why, size_t why_size, bool *permanent) {
    *permanent = false;
    snprintf(why, why_size, "%s", "");
    if (!url_ok(server->url) || !mail_address_ok(from) || !mail_address_ok(to)) {
        *permanent = true;
        snprintf(why, why_size, "the server's URL or an address is invalid");
        return ERR_INVALID;
    }
    char receiver[260];
    snprintf(receiver, sizeof receiver, "<%s>", to);
    curl_start();
    CURL *curl = curl_easy_init();
    struct curl_slist *receivers = curl_slist_append(NULL, receiver);
    enum err result = ERR_INTERNAL;
    if (curl && receivers) result = send_with(curl, receivers, server, from, message, why, why_size, permanent);
    curl_slist_free_all(receivers);
    curl_easy_cleanup(curl);
    return result;
}
