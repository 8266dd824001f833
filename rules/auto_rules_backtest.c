#include <stdlib.h>
#include <string.h>

#include "auth/tenant_choice.h"
#include "base/clock.h"
#include "build/gen/operations.h"
#include "responses/types.h"
#include "rules/book.h"
#include "rules/change.h"

enum { LOOKED_AT_MAX = 10000, SAMPLES_MAX = 10, WHEN_BYTES_MAX = 512 * 1024, ROW_ARENA_BYTES = 4 * 1024 * 1024 };
enum { PLAYING_MS_MAX = 5000 };
#define SEPARATOR "E'\\x1f'"

/* What became of a response that the rule matches. */
struct outcome {
    int row;
    enum rule_decision would;
    int64_t created_at, decided_at;
    bool by_people, by_deadline, confirmed;
};

struct backtest {
    struct rule_book book; /* of the one rule */
    struct rows rows;
    struct outcome *matched;
    size_t matched_n;
    int64_t *accepted_at; /* creation times of what it would have accepted, in order */
    size_t accepted_n, hour_from;
};

/* ---- the rule ---- */

static enum err read_draft(struct request *r, const struct rule_draft *draft, struct rule_book *book) {
    scope_buf struct buf when;
    buf_init(&when, WHEN_BYTES_MAX);
    rule_when_json(&when, draft->when);
    struct rule_row row = {.rule_id = "",
                           .name = draft->name,
                           .mode = "enforce",
                           .effect = draft->effect,
                           .conditions = buf_text(&when),
                           .limits = "{}"};
    rule_book_open(r->arena, 1, book);
    rule_book_add(r->arena, book, &row);
    book->rules[0].limits = draft->limits;
    if (book->rules[0].readable) return OK;
    return fail_at(r, "/rule/when", "A rule that accepts needs at least one condition.");
}

static enum err check_tenants(struct request *r, const struct strings *tenants) {
    scope_tx struct tx tx = {0};
    if (!tenants->n) return OK;
    TRY(tx_begin(&tx, &r->scope));
    return tenants_check(r, &tx, "/rule/when/tenants", tenants);
}

/* ---- the responses ---- */

/* Decided by people: when it was confirmed the last of the approvals says, since later reports move update_time. */
static enum err read_decided(struct request *r, int64_t since, struct rows *out) {
    return db_read(
        &r->scope, out,
        "with p as (select *, count(*) over () as total from responses"
        "            where client_id = $1 and status in ('Confirmed', 'Declined') and origin = 'Service'"
        "              and creation_time >= $2 order by creation_time desc limit $3::integer)"
        "select p.response_id, p.incident_id, p.asset_id, p.type, p.creation_time, p.status, p.decided_by ->> 'kind',"
        "       case when p.status = 'Confirmed' then (p.decided_by -> 'approvals' -> -1 ->> 'time')::bigint end,"
        "       p.update_time, i.priority, i.detection_technology, array_to_string(i.threat_classes, " SEPARATOR "),"
        "       array_to_string(i.mitre_tactics, " SEPARATOR "), array_to_string(i.mitre_techniques, " SEPARATOR "),"
        "       coalesce(a.tenant_id, p.tenant_id), coalesce(a.host_name, ''), "
        "coalesce(array_to_string(a.tags, " SEPARATOR "), ''), p.critical, p.total"
        "  from p join incidents i on i.client_id = $1 and i.incident_id = p.incident_id"
        "  left join assets a on a.client_id = $1 and a.asset_id = p.asset_id"
        " order by p.creation_time, p.response_id",
        "sii", r->client_id, since, (int64_t)LOOKED_AT_MAX);
}

static struct strings split(struct arena *a, const struct rows *rows, int i, int col) {
    return strings_split(a, rows_text(rows, i, col), 0x1f);
}

static struct rule_facts facts_of(struct arena *a, const struct rows *rows, int i) {
    const struct response_type *type = response_type_find(rows_text(rows, i, 3));
    struct rule_facts f = {.type = rows_text(rows, i, 3),
                           .risk = type ? type->risk : RISK_HIGH,
                           .priority = rows_text(rows, i, 9),
                           .tenant_id = rows_text(rows, i, 14),
                           .asset_id = rows_text(rows, i, 2),
                           .host_name = rows_text(rows, i, 15),
                           .asset_tags = split(a, rows, i, 16),
                           .threat_classes = split(a, rows, i, 11),
                           .mitre_tactics = split(a, rows, i, 12),
                           .mitre_techniques = split(a, rows, i, 13),
                           .detection_technology = rows_text(rows, i, 10),
                           .now_ms = rows_int(rows, i, 4),
                           .critical = rows_bool(rows, i, 17),
                           .tenant_assets = 1};
    rule_facts_fold_incident(a, &f);
    rule_facts_fold_host(a, &f);
    return f;
}

/* ---- playing ---- */

static int64_t last_hour(struct backtest *t, int64_t now) {
    while (t->hour_from < t->accepted_n && t->accepted_at[t->hour_from] <= now - RULE_HOUR_MS) t->hour_from++;
    return (int64_t)(t->accepted_n - t->hour_from);
}

static void add_outcome(struct backtest *t, int i, enum rule_decision would) {
    const char *kind = rows_text(&t->rows, i, 6);
    struct outcome o = {.row = i,
                        .would = would,
                        .created_at = rows_int(&t->rows, i, 4),
                        .decided_at = rows_null(&t->rows, i, 7) ? rows_int(&t->rows, i, 8) : rows_int(&t->rows, i, 7),
                        .by_people = !strcmp(kind, "user") || !strcmp(kind, "connection"),
                        .by_deadline = !strcmp(kind, "deadline"),
                        .confirmed = !strcmp(rows_text(&t->rows, i, 5), "Confirmed")};
    t->matched[t->matched_n++] = o;
    if (would == RULE_ACCEPT) t->accepted_at[t->accepted_n++] = o.created_at;
}

static void play(struct backtest *t, int i) {
    struct arena a;
    struct rule_look look;
    arena_init(&a, ROW_ARENA_BYTES);
    struct rule_facts facts = facts_of(&a, &t->rows, i);
    struct rule_counts counts = {.last_hour = last_hour(t, facts.now_ms)};
    (void)rules_evaluate(t->book.rules, 1, &facts, &counts, &look);
    arena_free(&a);
    if (look.would != RULE_NONE) add_outcome(t, i, look.would);
}

static enum err play_all(struct request *r, struct backtest *t) {
    int64_t until = monotonic_ms() + PLAYING_MS_MAX;
    for (int i = 0; i < t->rows.n; i++) {
        if (monotonic_ms() > until)
            return fail(r, ERR_TOO_LARGE, "Too many conditions for so many responses; begin later.");
        play(t, i);
    }
    return OK;
}

/* concurrent and the share of assets depend on what was carried out then, which nobody knows of actions that were never taken. */
static void leave_only_per_hour(struct arena *a, struct rule *rule) {
    if (!rule->limits) return;
    struct rule_limits *own = arena_alloc(a, sizeof *own);
    own->per_hour = rule->limits->per_hour;
    own->has_per_hour = rule->limits->has_per_hour;
    rule->limits = own;
}

/* ---- reply ---- */

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(int64_t *values, size_t n) {
    if (!n) return 0;
    qsort(values, n, sizeof *values, by_number);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static bool rejected(const struct outcome *o) { return o->would == RULE_ACCEPT && o->by_people && !o->confirmed; }

static void add_sample(struct buf *out, const struct rows *rows, const struct outcome *o) {
    static const char *const names[] = {"response_id", "incident_id", "asset_id", "type"};
    json_open(out, '{');
    for (int c = 0; c < 4; c++) json_kstr(out, names[c], rows_text(rows, o->row, c));
    json_kint(out, "creation_time", o->created_at);
    json_kint(out, "decided_at", o->decided_at);
    json_kstr(out, "status", rows_text(rows, o->row, 5));
    json_kstr(out, "decided_by", rows_text(rows, o->row, 6));
    json_kstr(out, "would", rule_decision_name(o->would));
    json_close(out, '}');
}

/* Those that people declined first, then the newest. */
static void add_samples(struct buf *out, const struct backtest *t) {
    int left = SAMPLES_MAX;
    json_key(out, "samples");
    json_open(out, '[');
    for (int others = 0; others < 2; others++)
        for (size_t i = t->matched_n; i-- > 0 && left;)
            if (rejected(&t->matched[i]) != (bool)others) {
                add_sample(out, &t->rows, &t->matched[i]);
                left--;
            }
    json_close(out, ']');
}

static void add_result(struct arena *a, struct buf *out, const struct backtest *t) {
    int64_t over = 0, confirmed = 0, declined = 0, late = 0;
    int64_t *saved = arena_alloc(a, (t->matched_n + 1) * sizeof *saved);
    size_t saved_n = 0;
    for (size_t i = 0; i < t->matched_n; i++) {
        const struct outcome *o = &t->matched[i];
        over += o->would == RULE_HOLD && t->book.rules[0].effect == RULE_ACCEPT;
        if (o->would != RULE_ACCEPT) continue;
        confirmed += o->by_people && o->confirmed;
        declined += rejected(o);
        late += o->by_deadline;
        if (o->by_people) saved[saved_n++] = o->decided_at - o->created_at;
    }
    json_open(out, '{');
    json_kint(out, "looked_at", t->rows.n);
    json_kint(out, "left_out", t->rows.n ? rows_int(&t->rows, 0, 18) - t->rows.n : 0);
    json_kint(out, "matched", (int64_t)t->matched_n);
    json_kint(out, "accepted", (int64_t)t->accepted_n);
    json_kint(out, "over_limit", over);
    json_kint(out, "confirmed_by_people", confirmed);
    json_kint(out, "rejected_by_people", declined);
    json_kint(out, "undecided_in_time", late);
    json_kint(out, "median_saved_ms", median(saved, saved_n));
    add_samples(out, t);
    json_close(out, '}');
}

static enum err run(struct request *r, const struct auto_rules_backtest_args *args, struct backtest *t,
                    struct buf *out) {
    TRY(check_tenants(r, &args->rule->when->tenants));
    TRY(read_draft(r, args->rule, &t->book));
    leave_only_per_hour(r->arena, &t->book.rules[0]);
    TRY(read_decided(r, args->since, &t->rows));
    t->matched = arena_alloc(r->arena, ((size_t)t->rows.n + 1) * sizeof *t->matched);
    t->accepted_at = arena_alloc(r->arena, ((size_t)t->rows.n + 1) * sizeof *t->accepted_at);
    TRY(play_all(r, t));
    add_result(r->arena, out, t);
    return OK;
}

enum err auto_rules_backtest(struct request *r, const struct auto_rules_backtest_args *args, struct reply *out) {
    struct backtest t = {0};
    enum err e = run(r, args, &t, &out->body);
    rule_book_close(&t.book);
    rows_free(&t.rows);
    return e;
}
