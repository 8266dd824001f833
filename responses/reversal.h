/* A response that takes another one back, linked both ways (undo_of, undone_by). */
#ifndef RESPONSES_REVERSAL_H
#define RESPONSES_REVERSAL_H

#include "build/gen/operations.h"
#include "responses/decide.h"
#include "responses/task.h"

struct reversal {
    const struct task *of; /* locked */
    const struct response_type *type;
    const void *values; /* struct params_<TYPE> */
    const char *description;
    int64_t execute_within_s;
    bool two_people;             /* stays New until a second one confirms */
    const char *declared_system; /* see responses/support.h */
    struct decision decision;
};

/* Creates and confirms it. *id: the new response; *last: the last stamp. The asset is locked, the clock not yet taken. */
enum err reversal_write(struct request *r, struct tx *tx, const struct reversal *v, const char **id,
                        int64_t *last) must_check;

/* What became of an earlier reversal of it: none or one that did nothing, one that waits for its second person, one that is on its
 * way or was carried out. */
enum reversal_state { REVERSAL_NONE, REVERSAL_NEW, REVERSAL_UNDER_WAY };
enum err reversal_find(struct request *r, struct tx *tx, const struct task *t, enum reversal_state *out) must_check;

#endif
