/* MITRE ATT&CK names as people write them: "TA0005: Defense Evasion", "TA0005:Defense Evasion", "Defense evasion", "TA0005".
 * Each gives one or two keys, the id and the name, folded; two texts mean the same when they share a key. Source: contract A5. */
#ifndef INCIDENTS_MITRE_H
#define INCIDENTS_MITRE_H

#include "base/arena.h"
#include "base/strings.h"

/* keys[0..returned-1], lower case, in the arena. */
int mitre_keys(struct arena *a, const char *text, const char *keys[2]);

/* The keys of all of them. */
struct strings mitre_keys_of(struct arena *a, const struct strings *names);

#endif
