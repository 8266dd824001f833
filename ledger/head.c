#include "ledger/head.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keys.h"
#include "base/log.h"

enum { MAC_HEX_BYTES = crypto_auth_hmacsha256_BYTES * 2 + 1 };

static void sign(const struct key *key, const char *client_id, const struct ledger_head *head,
                 char mac[MAC_HEX_BYTES]) {
    char text[512];
    unsigned char bytes[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    int len = snprintf(text, sizeof text, "ledger head\x1f%s\x1f%lld\x1f%s\x1f%lld", client_id,
                       (long long)head->position, head->hash, (long long)head->time_ms);
    crypto_auth_hmacsha256_init(&state, key->secret, key->secret_len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, (unsigned long long)len);
    crypto_auth_hmacsha256_final(&state, bytes);
    sodium_bin2hex(mac, MAC_HEX_BYTES, bytes, sizeof bytes);
}

static bool path_of(const char *dir, const char *client_id, const char *ending, char path[PATH_MAX]) {
    return snprintf(path, PATH_MAX, "%s/%s.json%s", dir, client_id, ending) < PATH_MAX;
}

static enum err check(const char *client_id, const char *of, const char *kid, const char *mac,
                      const struct ledger_head *head) {
    scope_key struct key key;
    char right[MAC_HEX_BYTES];
    if (strcmp(client_id, of) != 0) return ERR_INVALID;
    if (!keys_find(kid, &key)) {
        LOG(WARN, "ledger_head_key_gone", log_s("client_id", client_id), log_s("kid", kid));
        return ERR_NOT_FOUND;
    }
    sign(&key, client_id, head, right);
    return strlen(mac) == strlen(right) && !sodium_memcmp(mac, right, strlen(right)) ? OK : ERR_INVALID;
}

enum err head_read(const char *dir, const char *client_id, struct ledger_head *out) {
    char path[PATH_MAX];
    const char *of, *hash, *kid, *mac;
    json_int_t position, time_ms;
    *out = (struct ledger_head){0};
    if (!path_of(dir, client_id, "", path)) return ERR_INVALID;
    if (access(path, F_OK) != 0 && errno == ENOENT) return ERR_NOT_FOUND;
    json_auto_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (json_unpack(root, "{s:s,s:I,s:s,s:I,s:s,s:s}", "client_id", &of, "position", &position, "hash", &hash, "time",
                    &time_ms, "kid", &kid, "mac", &mac) ||
        strlen(hash) >= sizeof out->hash)
        return ERR_INVALID;
    *out = (struct ledger_head){.position = position, .time_ms = time_ms};
    memcpy(out->hash, hash, strlen(hash));
    return check(client_id, of, kid, mac, out);
}

static enum err cannot(const char *path) {
    LOG(ERROR, "ledger_head_not_written", log_s("path", path), log_errno());
    return ERR_INTERNAL;
}

static bool write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    if (!file) return false;
    bool ok =
        fchmod(fileno(file), 0600) == 0 && fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    return fclose(file) == 0 && ok;
}

enum err head_write(const char *dir, const char *client_id, const struct ledger_head *head) {
    char path[PATH_MAX], fresh[PATH_MAX], mac[MAC_HEX_BYTES];
    scope_key struct key key;
    if (!path_of(dir, client_id, "", path) || !path_of(dir, client_id, ".new", fresh)) return ERR_INTERNAL;
    if (!keys_signing(head->time_ms, &key)) return ERR_INTERNAL;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) return cannot(dir);
    sign(&key, client_id, head, mac);
    scope_buf struct buf b;
    buf_init(&b, 4096);
    json_open(&b, '{');
    json_kstr(&b, "client_id", client_id);
    json_kint(&b, "position", head->position);
    json_kstr(&b, "hash", head->hash);
    json_kint(&b, "time", head->time_ms);
    json_kstr(&b, "kid", key.kid);
    json_kstr(&b, "mac", mac);
    json_close(&b, '}');
    buf_addc(&b, '\n');
    if (!write_file(fresh, buf_text(&b)) || rename(fresh, path) != 0) return cannot(path);
    return OK;
}
