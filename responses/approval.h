/* Whether what was decided still holds when it is to be carried out: the asset may have been tagged critical since, or the isolation
 * that a release ends may have been replaced.
 * Source: contract A7, security.md "Response actions". */
#ifndef RESPONSES_APPROVAL_H
#define RESPONSES_APPROVAL_H

#include "assets/find.h"
#include "responses/task.h"

/* Two people, where the asset is critical now. Letting a host back into its network needs nobody more than it did. */
bool approval_suffices(const struct task *t, const struct asset_brief *asset);

/* A release at the end of a duration, though the host is isolated by another response since, or by none: nobody ordered the end of that. */
bool approval_superseded(const struct task *t, const struct asset_brief *asset);

/* Back to New, with its approvals, to be confirmed by who is missing; it has the time to decide anew. With its ledger row and its
 * incident's. The task is locked and was not started. *last: the last stamp. */
enum err approval_reopen(struct request *r, struct tx *tx, const struct task *t, int64_t *last) must_check;

#endif
