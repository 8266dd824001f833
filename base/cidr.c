#include "base/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

struct cidr {
    unsigned char net[16];
    int bits; /* of its family; 0 = no network */
    int prefix;
};

static int parse_address(const char *text, unsigned char out[16]) {
    if (inet_pton(AF_INET6, text, out) == 1) return 128;
    return inet_pton(AF_INET, text, out) == 1 ? 32 : 0;
}

/* The next one of the list; *at moves behind it. */
static struct cidr next_of(const char **at) {
    char text[64];
    struct cidr out = {0};
    const char *start = *at + strspn(*at, " ");
    size_t len = strcspn(start, ","), used = len;
    *at = start + len + (start[len] == ',');
    while (used && start[used - 1] == ' ') used--;
    if (used >= sizeof text) return out;
    snprintf(text, sizeof text, "%.*s", (int)used, start);
    char *slash = strchr(text, '/');
    unsigned long long prefix = 0;
    if (slash) *slash = 0;
    int bits = parse_address(text, out.net);
    if (slash && !parse_uint(slash + 1, (unsigned long long)bits, &prefix)) return out;
    out.prefix = slash ? (int)prefix : bits;
    out.bits = bits;
    return out;
}

static bool has(const struct cidr *c, const unsigned char *address, int bits) {
    size_t whole = (size_t)c->prefix / 8;
    int rest = c->prefix % 8;
    if (c->bits != bits || memcmp(c->net, address, whole) != 0) return false;
    return !rest || ((c->net[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

bool cidr_list_has(const char *cidrs, const char *address) {
    unsigned char bytes[16];
    int bits = parse_address(address, bytes);
    while (bits && *cidrs) {
        struct cidr one = next_of(&cidrs);
        if (has(&one, bytes, bits)) return true;
    }
    return false;
}

bool cidr_list_ok(const char *cidrs) {
    while (*cidrs)
        if (!next_of(&cidrs).bits) return false;
    return true;
}
