#include "api/proxies.h"

#include <stdio.h>
#include <string.h>

#include "base/cidr.h"

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
        if (!cidr_list_has("0.0.0.0/0, ::/0", out)) return peer;
        if (!cidr_list_has(trusted, out)) return out;
        end = start > forwarded ? start - 1 : start;
    }
    return *out ? out : peer;
}
