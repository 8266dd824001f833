#include "api/proxies.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse(const char *text, unsigned char out[16]) {
    if (inet_pton(AF_INET6, text, out) == 1) return 128;
    return inet_pton(AF_INET, text, out) == 1 ? 32 : 0;
}

static int in_cidr(const char *cidr, const unsigned char *address, int bits) {
    char text[64];
    snprintf(text, sizeof text, "%s", cidr);
    char *slash = strchr(text, '/');
    if (slash) *slash = 0;
    unsigned char net[16];
    int net_bits = parse(text, net), prefix = slash ? atoi(slash + 1) : net_bits;
    if (!net_bits || net_bits != bits || prefix < 0 || prefix > bits) return 0;
    if (memcmp(net, address, (size_t)prefix / 8) != 0) return 0;
    int rest = prefix % 8;
    return !rest || ((net[prefix / 8] ^ address[prefix / 8]) >> (8 - rest)) == 0;
}

int cidr_list_has(const char *cidrs, const char *address) {
    unsigned char bytes[16];
    int bits = parse(address, bytes);
    if (!bits) return 0;
    for (const char *at = cidrs; *at;) {
        char one[64];
        size_t len = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)(len < 63 ? len : 63), at + strspn(at, " "));
        one[strcspn(one, ", ")] = 0;
        if (in_cidr(one, bytes, bits)) return 1;
        at += len + (at[len] == ',');
    }
    return 0;
}

const char *caller_address(const char *peer, const char *forwarded, const char *trusted, char *out, size_t out_bytes) {
    if (!forwarded || !cidr_list_has(trusted, peer)) return peer;
    out[0] = 0;
    const char *end = forwarded + strlen(forwarded);
    while (end > forwarded) {
        const char *start = end;
        while (start > forwarded && start[-1] != ',') start--;
        const char *text = start + strspn(start, " \t");
        size_t len = strcspn(text, ", \t");
        snprintf(out, out_bytes, "%.*s", (int)(len < 45 ? len : 45), text);
        unsigned char bytes[16];
        if (!parse(out, bytes)) return peer;
        if (!cidr_list_has(trusted, out)) return out;
        end = start > forwarded ? start - 1 : start;
    }
    return *out ? out : peer;
}
