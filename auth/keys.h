/* The signing keys and the box key of this installation, held in one file (MDR_KEY_FILE) that all nodes share:
 *
 *   {"keys": [{"kid": "...", "alg": "HS256", "secret": "<base64url, 32+ bytes>", "created": ms, "retired": ms?}, ...],
 *    "box": "<base64url, 32 bytes>"}
 *
 * Members beyond these, duplicates, short secrets and a file that group or others can read are refused. All keys
 * verify. The first key signs that is not retired and older than KEYS_SETTLE_MS: a new key waits that long, so that
 * every node has read it before a token bears it; where no key is old enough, the first that is not retired signs.
 * The file is looked at again once per second (a stat) and whenever a token names an unknown kid; a file that
 * became unreadable leaves the keys in memory as they are. Thread-safe. Source: security.md "Tokens", RFC 8725 3.1,
 * 3.5. */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
    KEYS_MAX = 16,
    KEY_ID_MAX = 64,      /* bytes of a kid: letters, digits, - _ . */
    KEY_SECRET_MAX = 128, /* bytes */
    KEYS_SETTLE_MS = 10000,
    KEYS_SEAL_EXTRA = 40, /* bytes that sealing adds: nonce and tag */
    KEYS_SEAL_MAX = 4096, /* bytes of a sealed secret's plain text */
};

/* A retired key may still be asked to verify a token for as long as the longest-lived one lives, and a day more. */
#define KEYS_KEEP_MS (8LL * 24 * 3600 * 1000)

enum key_alg { KEY_HS256, KEY_HS384, KEY_HS512, KEY_ALGS };
const char *key_alg_name(enum key_alg alg); /* "HS256" */
size_t key_alg_bytes(enum key_alg alg);     /* of its signature; also the shortest secret allowed */

struct key {
    char kid[KEY_ID_MAX + 1];
    enum key_alg alg;
    unsigned char secret[KEY_SECRET_MAX];
    size_t secret_len;
    int64_t created_ms, retired_ms; /* retired_ms 0 = in use; may lie ahead */
};
#define scope_key __attribute__((cleanup(key_wipe)))
void key_wipe(struct key *k);

/* Reads the keys of `path`; where there is no such file, makes it (mode 0400) with one fresh key. Of several processes
 * that start at once one makes the file and all use it. `now_ms` is the wall clock, for "created".
 * ERR_INTERNAL with a sentence for the operator in `why` (may be NULL; never holds key material); loaded keys stay. */
enum err keys_load(const char *path, int64_t now_ms, struct buf *why) must_check;

/* Reads the file again if it changed since. Called by itself from keys_find and keys_signing (errors unsaid there);
 * a maintenance loop calls it to log them. Errors as keys_load; the keys in memory stay. */
enum err keys_reload(struct buf *why) must_check;

/* For the command line: puts a fresh key first in the file, retires the others from now_ms + KEYS_SETTLE_MS on, drops
 * those retired longer than KEYS_KEEP_MS. Keeps the file's owner. Serving processes follow by themselves. kid of the
 * new key in new_kid. ERR_CONFLICT: KEYS_MAX keys are still needed. */
enum err keys_rotate(const char *path, int64_t now_ms, char new_kid[KEY_ID_MAX + 1], struct buf *why) must_check;

/* The key of that id, retired or not. False: unknown. */
bool keys_find(const char *kid, struct key *out) must_check;
/* The key that signs at that time. False: no keys loaded. */
bool keys_signing(int64_t now_ms, struct key *out) must_check;

/* Seals a small secret for storage (XSalsa20-Poly1305). `purpose` says what and whose it is ("totp:<user id>"): what
 * was sealed for one purpose does not open for another, so rows cannot be exchanged. out takes len + KEYS_SEAL_EXTRA
 * bytes. ERR_INVALID: over KEYS_SEAL_MAX. ERR_INTERNAL: no keys loaded. */
enum err keys_seal(const char *purpose, const void *plain, size_t len, unsigned char *out) must_check;
/* Opens it; out takes len - KEYS_SEAL_EXTRA bytes. ERR_INTERNAL: not sealed by this key for this purpose, or changed
 * since. */
enum err keys_open(const char *purpose, const void *sealed, size_t len, unsigned char *out) must_check;

/* Wipes all keys from memory. */
void keys_forget(void);

#endif
