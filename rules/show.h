/* Rules as auto_rules/list shows them. */
#ifndef RULES_SHOW_H
#define RULES_SHOW_H

#include "auth/request.h"

/* Appends the rule of this id, or all in their order (NULL), separated by commas. A token of some tenants gets those that may concern
 * these, without the others' tenants and assets. ERR_NOT_FOUND: no such rule. */
enum err rules_show(struct request *r, struct tx *tx, const char *rule_id, struct buf *out) must_check;

#endif
