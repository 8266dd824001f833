/* What becomes of a refresh token that is presented: the rule alone. Source: contract A2, RFC 9700 section 4.14.2. */
#ifndef AUTH_ROTATION_H
#define AUTH_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#define ROTATION_REPLAY_MS (24LL * 3600 * 1000) /* how long the same pair is answered again */

/* A refresh token as it is remembered; times in ms, 0 = never. */
struct rotation {
    bool known;       /* there is such a token, and its hash fits */
    bool revoked;     /* its whole connection */
    bool ended;       /* by session/restart */
    bool child_known; /* the row of the token that it bought */
    int64_t expires_at, spent_at, child_spent_at;
};

enum rotation_verdict {
    ROTATE,       /* spend it, make the next pair */
    ROTATE_AGAIN, /* spent, but what it bought is unused: the same pair again */
    ROTATE_REFUSE,
    ROTATE_THEFT, /* spent, and what it bought was used: somebody has a copy */
};
enum rotation_verdict rotation_judge(const struct rotation *t, int64_t now_ms);

#endif
