/* Whether what was decided still holds when it is to be carried out: the asset may have moved to another tenant since or been tagged
 * critical, or the isolation that a release ends may have been replaced.
 * Source: contract A7, security.md "Response actions". */
#ifndef RESPONSES_APPROVAL_H
#define RESPONSES_APPROVAL_H

#include "assets/find.h"
#include "responses/task.h"

/* OK, or why it does not, for execution.approval:
 * ERR_CONFLICT       a release at the end of a duration, though the host is isolated by another response since, or by none: nobody
 *                    ordered the end of that;
 * ERR_MOVED          nobody decided about an asset of the tenant that it has now. What takes back the isolation that the host is under
 *                    goes with the host: that belonged to the decision which isolated it;
 * ERR_SECOND_PERSON  the asset is critical now, and that takes two people. Letting a host back into its network needs nobody more than
 *                    it did. */
enum err approval_check(const struct task *t, const struct asset_brief *asset) must_check;

/* Back to New for what approval_check() found (ERR_MOVED, ERR_SECOND_PERSON), with the approvals that still count, to be confirmed by who
 * is missing; it has the time to decide anew. With its ledger row and its incident's. The task is locked and was not started. *last: the
 * last stamp. */
enum err approval_reopen(struct request *r, struct tx *tx, const struct task *t, int64_t *last) must_check;

#endif
