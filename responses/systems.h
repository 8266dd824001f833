/* Which system an asset runs, from its os_version ("Windows Server 2019 Standard 10.0.17763", "Ubuntu 22.04.3 LTS",
 * "macOS 13.4"). Pure. An unknown system refuses no type of response - the host answers `unsupported` itself - but
 * critical objects are then looked up in the lists of all systems. Source: contract B1, B2. */
#ifndef RESPONSES_SYSTEMS_H
#define RESPONSES_SYSTEMS_H

#include "build/gen/operations.h"

enum { SYSTEMS_ALL = SYSTEM_WINDOWS | SYSTEM_LINUX | SYSTEM_MACOS };

unsigned systems_of(const char *os_version); /* one bit of enum system; 0 = unknown */
const char *system_name(unsigned system);    /* of one bit: "windows"; "" = unknown */

#endif
