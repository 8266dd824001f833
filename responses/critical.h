/* Critical objects: what the operating system or the protection itself needs, and what therefore no response may
 * kill, delete, quarantine or keep from starting. Pure: looks at texts only, never at a host.
 *
 * Rather a refusal too many than a dead server: what cannot be told apart from a critical object (a wildcard, an
 * unknown %VARIABLE%, a short 8.3 name, a folder that holds one) counts as critical. What merely has the name of a
 * system file but lies elsewhere (C:\temp\svchost.exe) does not. The product on the host checks once more when it
 * executes. Source: contract B2, security.md "Response actions". */
#ifndef RESPONSES_CRITICAL_H
#define RESPONSES_CRITICAL_H

#include <stdbool.h>
#include <stdint.h>

/* Ending a running shell is everyday work, deleting the shell is not: files are more than processes. */
enum critical_act { CRITICAL_KILL, CRITICAL_FILE };

/* systems: bits of enum system (build/gen/operations.h); of an asset whose system is unknown, all of them. Windows
 * paths: any drive or device, either slash, any case, \\?\ and UNC forms, %SystemRoot% and its like, . and ..,
 * streams, trailing dots and blanks, short names. A path without a root matches wherever its end fits. */
bool critical_path(unsigned systems, enum critical_act act, const char *path);

/* 0, 1 and 4: idle process, init, Windows' kernel. */
bool critical_pid(int64_t pid);

/* value: NULL = the whole key with everything below. Long and short names of the roots, any control set. */
bool critical_registry(const char *key, const char *value);

#endif
