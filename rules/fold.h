/* How texts of rules are compared: NFKC, then lower case character by character, so that full and half width and either
 * case are the same. Pure. */
#ifndef RULES_FOLD_H
#define RULES_FOLD_H

#include "base/strings.h"

const char *rule_fold(struct arena *a, const char *text);
struct strings rule_fold_all(struct arena *a, const struct strings *texts);

/* Does the whole text fit the pattern? * stands for any characters, ? for one; both are folded before. Time grows with
 * the product of the lengths at worst. */
bool rule_glob(const char *pattern, const char *text);

#endif
