#include <string.h>

#include "assets/find.h"
#include "auth/write.h"
#include "base/clock.h"
#include "build/gen/operations.h"
#include "incidents/touch.h"
#include "responses/decide.h"
#include "responses/seen.h"
#include "responses/verdict.h"

enum { CONFLICT_BYTES_MAX = 2 * 1024 * 1024 };

/* A response that is to be decided, locked, with what the verdict rests on. */
struct target {
    struct decided decided;
    const char *incident_id, *asset_id, *decided_tenant;
    int64_t update_time;
    struct verdict_case facts;
    enum verdict verdict;
};

struct targets {
    struct target *v;
    size_t n;
};

/* ---- finding and locking ---- */

static void read_target(struct request *r, const struct rows *rows, int row, struct target *t) {
    t->decided.response_id = arena_strdup(r->arena, rows_text(rows, row, 0));
    t->incident_id = arena_strdup(r->arena, rows_text(rows, row, 1));
    t->asset_id = arena_strdup(r->arena, rows_text(rows, row, 2));
    t->facts.is_new = rows_bool(rows, row, 3);
    t->facts.late = rows_bool(rows, row, 4);
    t->facts.two_people = rows_bool(rows, row, 5);
    t->facts.approvals = (size_t)rows_int(rows, row, 6);
    t->facts.approved_by_same = rows_bool(rows, row, 7);
    t->update_time = rows_int(rows, row, 8);
    t->decided_tenant = arena_strdup(r->arena, rows_text(rows, row, 9));
}

static enum err lock_targets(struct request *r, struct tx *tx, const struct strings *ids, struct targets *out) {
    scope_rows struct rows rows = {0};
    TRY(responses_lock_incidents(r, tx, ids));
    TRY(tx_run(
        tx, &rows,
        "select response_id, incident_id, asset_id, status = 'New',"
        "       decide_until > 0 and decide_until <= " SQL_NOW_MS ", critical,"
        "       json_array_length(decided_by -> 'approvals'),"
        "       exists (select from json_array_elements(decided_by -> 'approvals') a"
        "                where coalesce((select nullif(s.made_by_user, '') from sessions s"
        "                                 where s.client_id = $1 and s.session_id = a ->> 'id'), a ->> 'id') = $3),"
        "       update_time, decided_tenant"
        "  from responses where client_id = $1 and response_id = any($2)"
        " order by incident_id, response_id for no key update",
        "sSs", r->client_id, ids, r->who.person_id));
    out->n = (size_t)rows.n;
    out->v = arena_alloc(r->arena, out->n * sizeof *out->v);
    for (int i = 0; i < rows.n; i++) read_target(r, &rows, i, &out->v[i]);
    return OK;
}

static struct target *target_of(const struct targets *t, const char *response_id) {
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->v[i].decided.response_id, response_id)) return &t->v[i];
    return NULL;
}

/* Critical is what is tagged so now, or was when the response was made. An asset out of sight is not decided about; who confirmed while it
 * belonged to another tenant did not confirm this. */
static enum err look_at_assets(struct request *r, struct tx *tx, struct targets *t) {
    struct strings ids = strings_new(r->arena, t->n);
    struct asset_brief *assets = NULL;
    for (; ids.n < t->n; ids.n++) ids.v[ids.n] = t->v[ids.n].asset_id;
    TRY(assets_find(r, tx, &ids, &assets));
    for (size_t i = 0; i < t->n; i++) {
        if (!assets[i].found) return fail_not_found(r);
        t->v[i].facts.two_people |= assets[i].critical;
        t->v[i].decided.two_people = t->v[i].facts.two_people;
        if (!strcmp(t->v[i].decided_tenant, assets[i].tenant_id)) continue;
        t->v[i].facts.approvals = 0;
        t->v[i].facts.approved_by_same = false;
    }
    return OK;
}

static enum err judge(struct targets *t, bool confirming) {
    enum err worst = OK;
    for (size_t i = 0; i < t->n; i++) {
        t->v[i].facts.confirming = confirming;
        t->v[i].verdict = verdict_of(&t->v[i].facts);
        t->v[i].decided.final = t->v[i].verdict == VERDICT_FINAL;
        enum err e = verdict_error(t->v[i].verdict);
        if (e != OK && (worst == OK || e < worst)) worst = e;
    }
    return worst;
}

/* ---- refusing ---- */

/* As many of them as a problem body may carry. */
static enum err show_blocked(struct request *r, struct tx *tx, struct strings *blocked, bool one) {
    for (; blocked->n; blocked->n /= 2) {
        scope_buf struct buf text;
        buf_init(&text, CONFLICT_BYTES_MAX);
        if (!one) json_open(&text, '[');
        TRY(responses_show(r, tx, blocked, false, &text));
        if (!one) json_close(&text, ']');
        if (text.failed) continue;
        fault_extra(r, one ? "response" : "responses", buf_text(&text));
        return OK;
    }
    return OK;
}

static enum err refuse(struct request *r, struct tx *tx, const struct targets *t, const struct strings *ids, bool one,
                       enum err e) {
    static const char *const details[] = {
        [VERDICT_ALREADY_DECIDED] = "This response was decided already.",
        [VERDICT_DEADLINE_PASSED] = "The time to decide about this response has passed.",
        [VERDICT_SAME_PERSON] = "You, or a connection that you made, confirmed this response; the asset is critical, "
                                "so another person has to"
                                " confirm it too.",
    };
    struct strings blocked = strings_new(r->arena, ids->n);
    fail(r, e,
         one ? "The decision was not taken."
             : "No decision was taken: errors and responses name what stood in the way.");
    for (size_t i = 0; i < ids->n; i++) {
        const struct target *target = target_of(t, ids->v[i]);
        if (verdict_error(target->verdict) == OK) continue;
        blocked.v[blocked.n++] = ids->v[i];
        fail_at(r, one ? "/response_id" : arena_printf(r->arena, "/responses_ids/%zu", i), "%s",
                details[target->verdict]);
    }
    TRY(show_blocked(r, tx, &blocked, one));
    return e;
}

static enum err refuse_unknown(struct request *r, const struct targets *t, const struct strings *ids, bool one) {
    fail_not_found(r);
    for (size_t i = 0; i < ids->n && !one; i++)
        if (!target_of(t, ids->v[i])) fail_at(r, arena_printf(r->arena, "/responses_ids/%zu", i), "No such response.");
    return ERR_NOT_FOUND;
}

/* ---- what was seen ---- */

struct expectations {
    struct seen *v;
    size_t n;
};

static enum err check_seen(struct request *r, struct tx *tx, const struct targets *t, struct expectations *seen,
                           bool one) {
    struct strings stale = strings_new(r->arena, seen->n);
    for (size_t i = 0; i < seen->n; i++) {
        struct seen *s = &seen->v[i];
        s->present_ms = target_of(t, s->response_id)->update_time;
        if (s->present_ms != s->expected_ms) stale.v[stale.n++] = s->response_id;
    }
    enum err e = seen_check(r, tx, seen->v, seen->n);
    if (e == ERR_CHANGED) TRY(show_blocked(r, tx, &stale, one));
    return e;
}

/* ---- deciding ---- */

static size_t same_incident(const struct targets *t, size_t from) {
    size_t n = 1;
    while (from + n < t->n && !strcmp(t->v[from + n].incident_id, t->v[from].incident_id)) n++;
    return n;
}

static enum err decide_incident(struct request *r, struct tx *tx, const struct decision *d,
                                const struct target *targets, size_t n, int64_t first) {
    struct decided *list = arena_alloc(r->arena, n * sizeof *list);
    int changed = 0;
    for (size_t i = 0; i < n; i++) list[i] = targets[i].decided;
    TRY(decide_apply(r, tx, d, list, n, first, &changed));
    /* All rows are locked and were New: only the clock can have moved on. */
    if (changed != (int)n) return fail(r, ERR_DEADLINE_PASSED, "The time to decide passed at this moment.");
    return incident_touch(r, tx, targets->incident_id, first + (int64_t)n - 1, (int)n);
}

static enum err decide_all(struct request *r, struct tx *tx, const struct decision *d, const struct targets *t,
                           int64_t *last) {
    int64_t first = 0;
    TRY(write_clock(tx, (int)t->n, &first));
    for (size_t i = 0, n = 0; i < t->n; i += n) {
        n = same_incident(t, i);
        TRY(decide_incident(r, tx, d, t->v + i, n, first + (int64_t)i));
    }
    *last = first + (int64_t)t->n - 1;
    return OK;
}

static enum err decide(struct request *r, struct tx *tx, const struct decision *d, const struct strings *ids,
                       struct expectations *seen, bool one, int64_t *last) {
    struct targets t = {0};
    TRY(lock_targets(r, tx, ids, &t));
    if (t.n < ids->n) return refuse_unknown(r, &t, ids, one);
    TRY(look_at_assets(r, tx, &t));
    TRY(check_seen(r, tx, &t, seen, one));
    enum err e = judge(&t, d->approves);
    if (e != OK) return refuse(r, tx, &t, ids, one, e);
    return decide_all(r, tx, d, &t, last);
}

static enum err check_comment(struct request *r, const char *status, const char *comment) {
    if (*status == 'C' || comment[strspn(comment, " \t\r\n")]) return OK;
    return fail_at(r, "/comment", "Say why: a comment is needed to decline.");
}

enum err response_update(struct request *r, const struct response_update_args *args, struct reply *out) {
    struct strings ids = {.n = 1, .v = (const char *[]){args->response_id}};
    struct decision d = decision_of(r, args->status, args->comment);
    struct seen one = {.response_id = args->response_id, .pointer = "/expected_update_time"};
    int64_t last = 0;
    TRY(check_comment(r, args->status, args->comment));
    TRY(seen_of_one(r, args->has_expected_update_time, args->expected_update_time, &one.expected_ms));
    struct expectations seen = {.v = &one, .n = one.expected_ms ? 1 : 0};
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(decide(r, &tx, &d, &ids, &seen, true, &last));
    TRY(responses_show(r, &tx, &ids, false, &out->body));
    return write_commit(r, &tx, last, out);
}

enum err responses_update(struct request *r, const struct responses_update_args *args, struct reply *out) {
    struct strings ids = strings_unique(r->arena, &args->responses_ids);
    struct decision d = decision_of(r, args->status, args->comment);
    struct expectations seen = {0};
    int64_t last = 0;
    TRY(check_comment(r, args->status, args->comment));
    TRY(seen_of_many(r, args->expected_update_times, &ids, &seen.v, &seen.n));
    scope_tx struct tx tx = {0};
    TRY(write_begin(r, &tx));
    TRY(decide(r, &tx, &d, &ids, &seen, false, &last));
    json_open(&out->body, '[');
    TRY(responses_show(r, &tx, &ids, false, &out->body));
    json_close(&out->body, ']');
    return write_commit(r, &tx, last, out);
}
