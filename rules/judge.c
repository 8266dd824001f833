#include "rules/judge.h"

#include <string.h>

#include "base/clock.h"
#include "rules/counters.h"
#include "rules/trace.h"

enum { TRACES_BYTES_MAX = 64 * 1024 * 1024, HOST_ARENA_BYTES = 4 * 1024 * 1024, RECORDED_AT_ONCE = 50 };
enum { JUDGING_MS_MAX = 5000 }; /* below the lock_timeout of those who wait for the client's lock */

void judgement_free(struct judgement *j) {
    rule_book_close(&j->book);
    buf_free(&j->traces);
}

/* ---- judging ---- */

static void add_use(struct judgement *j, size_t host, const char *rule_id, enum rule_decision effect, bool shadow) {
    j->uses[j->uses_n++] = (struct rule_use){host, rule_id, effect, shadow};
}

/* What this acceptance means for those judged next. */
static void count_acceptance(struct judgement *j, size_t host, const struct rule *rule) {
    struct host_facts *h = &j->facts.hosts[host];
    if (rule) {
        struct rule_counts *c = &j->facts.counts[rule - j->book.rules];
        c->last_hour++;
        c->concurrent++;
    }
    if (!h->affected) j->facts.shares[h->share].affected++;
    h->affected = true;
}

static void note_shadows(struct judgement *j, size_t host, const struct rule_look *looks) {
    for (size_t i = 0; i < j->book.n; i++) {
        if (j->book.rules[i].mode != RULE_SHADOW || looks[i].would == RULE_NONE) continue;
        add_use(j, host, j->book.rules[i].rule_id, looks[i].would, true);
        if (looks[i].would == RULE_ACCEPT) j->facts.counts[i].last_hour++;
    }
}

static void note_ruling(struct judgement *j, size_t host, const struct ruling *ruling) {
    j->each[host] = (struct judged){.decision = ruling->decision,
                                    .by = ruling->rule         ? "rule"
                                          : ruling->by_setting ? "setting"
                                                               : "",
                                    .rule_id = ruling->rule ? ruling->rule->rule_id : "",
                                    .rule_name = ruling->rule ? ruling->rule->name : "",
                                    .reason = ruling->reason};
    if (ruling->decision == RULE_NONE) return;
    add_use(j, host, j->each[host].rule_id, ruling->decision, false);
    if (ruling->decision == RULE_ACCEPT) count_acceptance(j, host, ruling->rule);
}

static void judge_host(const struct rule_case *c, struct judgement *j, size_t host, struct rule_look *looks) {
    struct arena a;
    arena_init(&a, HOST_ARENA_BYTES);
    struct rule_facts facts = case_facts_of(&a, c, &j->facts, host);
    struct ruling ruling = rules_evaluate(j->book.rules, j->book.n, &facts, j->facts.counts, looks);
    arena_free(&a);
    note_ruling(j, host, &ruling);
    note_shadows(j, host, looks);
    rule_trace_json(&j->traces, j->book.rules, j->book.n, looks);
    j->trace_end[host] = j->traces.len;
}

static size_t shadows(const struct rule_book *book) {
    size_t n = 0;
    for (size_t i = 0; i < book->n; i++) n += book->rules[i].mode == RULE_SHADOW;
    return n;
}

enum err rules_judge(struct request *r, struct tx *tx, const struct rule_case *c, struct judgement *out) {
    *out = (struct judgement){.n = c->assets_n};
    buf_init(&out->traces, TRACES_BYTES_MAX);
    TRY(rule_book_read(r, tx, &out->book));
    TRY(case_facts_read(r, tx, c, &out->book, &out->facts));
    struct rule_look *looks = arena_alloc(r->arena, (out->book.n + 1) * sizeof *looks);
    out->each = arena_alloc(r->arena, (out->n + 1) * sizeof *out->each);
    out->trace_end = arena_alloc(r->arena, (out->n + 1) * sizeof *out->trace_end);
    out->uses = arena_alloc(r->arena, (out->n * (shadows(&out->book) + 1) + 1) * sizeof *out->uses);
    int64_t until = monotonic_ms() + JUDGING_MS_MAX;
    size_t judged = 0;
    for (; judged < out->n && monotonic_ms() <= until; judged++) judge_host(c, out, judged, looks);
    if (judged == out->n && !out->traces.failed) return OK;
    return fail(r, ERR_TOO_LARGE, "Too many assets for so many rules; propose fewer at once.");
}

/* ---- recording ---- */

struct columns {
    struct strings ids, decisions, by, rule_ids, reasons, traces;
};

static const char *trace_of(struct arena *a, const struct judgement *j, size_t host) {
    size_t from = host ? j->trace_end[host - 1] + 1 : 0; /* the writer puts a comma between */
    return arena_strndup(a, j->traces.data + from, j->trace_end[host] - from);
}

static void put(struct strings *column, const char *text) { column->v[column->n++] = text; }

static enum err record_evaluations(struct tx *tx, struct arena *a, const struct judgement *j, const struct strings *ids,
                                   size_t from, size_t end) {
    struct columns c = {strings_new(a, end - from), strings_new(a, end - from), strings_new(a, end - from),
                        strings_new(a, end - from), strings_new(a, end - from), strings_new(a, end - from)};
    for (size_t i = from; i < end; i++) {
        put(&c.ids, ids->v[i]);
        put(&c.decisions, rule_decision_name(j->each[i].decision));
        put(&c.by, j->each[i].by);
        put(&c.rule_ids, j->each[i].rule_id);
        put(&c.reasons, j->each[i].reason);
        put(&c.traces, trace_of(a, j, i));
    }
    return tx_run(tx, NULL,
                  "insert into rule_evaluations (client_id, response_id, tenant_id, evaluated_at, decision, decided_by,"
                  "                              rule_id, reason, rules)"
                  "select $1, u.id, $2, $3, u.decision, u.by, u.rule_id, u.reason, u.rules"
                  "  from unnest($4, $5, $6, $7, $8, $9) u (id, decision, by, rule_id, reason, rules)",
                  "ssiSSSSSS", tx->scope.client_id, j->facts.incident_tenant, j->facts.incident.now_ms, &c.ids,
                  &c.decisions, &c.by, &c.rule_ids, &c.reasons, &c.traces);
}

static enum err record_uses(struct tx *tx, struct arena *a, const struct judgement *j, const struct strings *ids,
                            size_t from, size_t end, int64_t first) {
    size_t n = end - from;
    struct strings response_ids = strings_new(a, n), rule_ids = strings_new(a, n), effects = strings_new(a, n),
                   shadow = strings_new(a, n), at = strings_new(a, n);
    for (size_t i = from; i < end; i++) {
        const struct rule_use *use = &j->uses[i];
        put(&response_ids, ids->v[use->host]);
        put(&rule_ids, use->rule_id);
        put(&effects, rule_decision_name(use->effect));
        put(&shadow, use->shadow ? "t" : "f");
        put(&at, arena_printf(a, "%lld", (long long)(first + (int64_t)use->host)));
    }
    return tx_run(tx, NULL,
                  "insert into rule_uses (client_id, response_id, rule_id, effect, shadow, used_at, open)"
                  "select $1, u.id, u.rule_id, u.effect, u.shadow, u.at, u.effect = 'accept' and not u.shadow"
                  "  from unnest($2, $3, $4, $5::boolean[], $6::bigint[]) u (id, rule_id, effect, shadow, at)",
                  "sSSSSS", tx->scope.client_id, &response_ids, &rule_ids, &effects, &shadow, &at);
}

/* So that the open ones stay few. Only here, under the client's lock: two who did so at once could deadlock. */
static enum err close_finished(struct tx *tx) {
    return tx_run(tx, NULL,
                  "update rule_uses u set open = false from responses p"
                  " where u.client_id = $1 and u.open and p.client_id = $1 and p.response_id = u.response_id"
                  "   and not " SQL_RESPONSE_RUNS,
                  "s", tx->scope.client_id);
}

static enum err record_part(struct tx *tx, const struct judgement *j, const struct strings *ids, size_t from,
                            size_t end, size_t *use, int64_t first) {
    struct arena a;
    size_t uses_from = *use;
    while (*use < j->uses_n && j->uses[*use].host < end) (*use)++;
    arena_init(&a, TRACES_BYTES_MAX);
    enum err e = record_evaluations(tx, &a, j, ids, from, end);
    if (e == OK && *use > uses_from) e = record_uses(tx, &a, j, ids, uses_from, *use, first);
    arena_free(&a);
    return e;
}

enum err rules_record_judgement(struct request *r, struct tx *tx, const struct judgement *j, const struct strings *ids,
                                int64_t first) {
    (void)r;
    size_t use = 0;
    TRY(close_finished(tx));
    for (size_t from = 0; from < j->n; from += RECORDED_AT_ONCE) {
        size_t end = from + RECORDED_AT_ONCE < j->n ? from + RECORDED_AT_ONCE : j->n;
        TRY(record_part(tx, j, ids, from, end, &use, first));
    }
    for (size_t i = 0; i < j->n; i++) rules_count_decision(j->each[i].decision);
    return OK;
}
