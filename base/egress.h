/* Which addresses the gateway may call on a client's behalf: those of the public internet, and what the operator allows.
 * Everything that could be the installation itself or its neighbours is refused: unspecified, loopback, private, link-local
 * (with the clouds' metadata services), shared, multicast, reserved, documentation, and every IPv6 form that carries or tunnels
 * an IPv4 address. Source: security.md "Going out", RFC 6890 with IANA's special-purpose registries. */
#ifndef BASE_EGRESS_H
#define BASE_EGRESS_H

#include <sys/socket.h>

enum egress { EGRESS_REFUSED, EGRESS_PUBLIC, EGRESS_ALLOWED };

/* allow: CIDRs (MDR_EGRESS_ALLOW). Other families than IPv4 and IPv6, and what is no address, are refused. */
enum egress egress_of_text(const char *address, const char *allow);
enum egress egress_of(const struct sockaddr *address, const char *allow);

#endif
