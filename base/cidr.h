/* Lists of networks, "10.0.0.0/8, ::1": CIDRs or single addresses, comma separated. */
#ifndef BASE_CIDR_H
#define BASE_CIDR_H

#include <stdbool.h>

/* Is the address ("10.1.2.3", "::1") in one of them? What is no network has no address in it. */
bool cidr_list_has(const char *cidrs, const char *address);

/* Is every one a network? "" is an empty list. */
bool cidr_list_ok(const char *cidrs);

#endif
