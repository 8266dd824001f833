#include "base/egress.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/cidr.h"

/* clang-format off */
static const char SPECIAL[] =
    "0.0.0.0/8,"       /* this network, unspecified */
    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16," /* private */
    "100.64.0.0/10,"   /* shared by carriers (with a cloud's metadata at 100.100.100.200) */
    "127.0.0.0/8,"     /* loopback */
    "168.63.129.16,"   /* a cloud's metadata at a public address */
    "169.254.0.0/16,"  /* link-local, metadata */
    "192.0.0.0/24,"    /* protocol assignments */
    "192.0.2.0/24,198.51.100.0/24,203.0.113.0/24," /* documentation */
    "192.88.99.0/24,"  /* relays of 6to4 */
    "198.18.0.0/15,"   /* benchmarks */
    "224.0.0.0/4,"     /* multicast */
    "240.0.0.0/4,"     /* reserved, broadcast */
    "2001::/23,"       /* protocol assignments: Teredo, ORCHID, benchmarks */
    "2001:db8::/32,3fff::/20," /* documentation */
    "2002::/16";       /* 6to4 */

/* Global unicast. What lies outside is special: ::, ::1, IPv4-compatible and -mapped, NAT64, discard, unique local, link-local,
 * site-local, multicast. */
static const char GENERAL[] = "0.0.0.0/0,2000::/3";
/* clang-format on */

enum egress egress_of_text(const char *address, const char *allow) {
    if (cidr_list_has(allow, address)) return EGRESS_ALLOWED;
    return cidr_list_has(GENERAL, address) && !cidr_list_has(SPECIAL, address) ? EGRESS_PUBLIC : EGRESS_REFUSED;
}

enum egress egress_of(const struct sockaddr *address, const char *allow) {
    char text[INET6_ADDRSTRLEN] = "";
    const void *bytes = address->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                        : address->sa_family == AF_INET6
                            ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                            : NULL;
    if (!bytes || !inet_ntop(address->sa_family, bytes, text, sizeof text)) return EGRESS_REFUSED;
    return egress_of_text(text, allow);
}
