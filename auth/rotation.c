#include "auth/rotation.h"

enum rotation_verdict rotation_judge(const struct rotation *t, int64_t now_ms) {
    if (!t->known || t->revoked || t->ended) return ROTATE_REFUSE;
    if (!t->spent_at) return now_ms < t->expires_at ? ROTATE : ROTATE_REFUSE;
    if (!t->child_known) return ROTATE_REFUSE;
    if (t->child_spent_at) return ROTATE_THEFT;
    return now_ms - t->spent_at <= ROTATION_REPLAY_MS ? ROTATE_AGAIN : ROTATE_REFUSE;
}
