#include "rules/evaluate.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "responses/types.h"
#include "rules/book.h"
#include "tests/unit.h"

/* ---- rules x responses as lines of JSON: the other side is tests/rules_oracle.py ----
 * In:  {"rules": [{rule_id, mode, effect, when, limits (texts), expires_at, last_hour, concurrent}], "responses": [{facts}]}
 * Out: one line per response, [decision, rule_id, by_setting, reason, [[verdict, failed, would, reason], ...]] */

enum { LOOKS_MAX = 64 };

static const char *text(json_t *o, const char *key) { return json_string_value(json_object_get(o, key)); }
static int64_t integer(json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }
static bool truth(json_t *o, const char *key) { return json_is_true(json_object_get(o, key)); }

static struct strings list(struct arena *a, json_t *o, const char *key) {
    json_t *array = json_object_get(o, key);
    struct strings out = strings_new(a, json_array_size(array));
    for (; out.n < json_array_size(array); out.n++) out.v[out.n] = json_string_value(json_array_get(array, out.n));
    return out;
}

static struct rule_facts facts_of(struct arena *a, json_t *o) {
    struct rule_facts f = {.type = text(o, "type"),
                           .priority = text(o, "priority"),
                           .tenant_id = text(o, "tenant_id"),
                           .asset_id = text(o, "asset_id"),
                           .host_name = text(o, "host_name"),
                           .asset_tags = list(a, o, "asset_tags"),
                           .threat_classes = list(a, o, "threat_classes"),
                           .mitre_tactics = list(a, o, "mitre_tactics"),
                           .mitre_techniques = list(a, o, "mitre_techniques"),
                           .detection_technology = text(o, "detection_technology"),
                           .now_ms = integer(o, "now_ms"),
                           .critical = truth(o, "critical"),
                           .frozen = truth(o, "frozen"),
                           .setting_accepts = truth(o, "setting_accepts"),
                           .tenant_assets = integer(o, "tenant_assets"),
                           .tenant_affected = integer(o, "tenant_affected")};
    f.risk = response_type_find(f.type)->risk;
    rule_facts_fold_incident(a, &f);
    rule_facts_fold_host(a, &f);
    return f;
}

static void read_rules(struct arena *a, json_t *rules, struct rule_book *book, struct rule_counts *counts) {
    rule_book_open(a, json_array_size(rules), book);
    for (size_t i = 0; i < json_array_size(rules); i++) {
        json_t *o = json_array_get(rules, i);
        struct rule_row row = {text(o, "rule_id"), text(o, "rule_id"), text(o, "mode"),         text(o, "effect"),
                               text(o, "when"),    text(o, "limits"),  integer(o, "expires_at")};
        rule_book_add(a, book, &row);
        counts[i] = (struct rule_counts){integer(o, "last_hour"), integer(o, "concurrent")};
    }
}

static void print_ruling(const struct rule_book *book, const struct ruling *ruling, const struct rule_look *looks) {
    printf("[\"%s\",\"%s\",%s,\"%s\",[", rule_decision_name(ruling->decision),
           ruling->rule ? ruling->rule->rule_id : "", ruling->by_setting ? "true" : "false", ruling->reason);
    for (size_t i = 0; i < book->n; i++)
        printf("%s[\"%s\",\"%s\",\"%s\",\"%s\"]", i ? "," : "", rule_verdict_name(looks[i].verdict), looks[i].failed,
               rule_decision_name(looks[i].would), looks[i].reason);
    puts("]]");
}

static void answer(json_t *line) {
    struct arena a;
    scope_rule_book struct rule_book book = {0};
    struct rule_counts counts[LOOKS_MAX];
    struct rule_look looks[LOOKS_MAX];
    json_t *responses = json_object_get(line, "responses");
    arena_init(&a, 64 << 20);
    read_rules(&a, json_object_get(line, "rules"), &book, counts);
    for (size_t i = 0; i < json_array_size(responses); i++) {
        struct rule_facts f = facts_of(&a, json_array_get(responses, i));
        struct ruling ruling = rules_evaluate(book.rules, book.n, &f, counts, looks);
        print_ruling(&book, &ruling, looks);
    }
    rule_book_close(&book);
    arena_free(&a);
}

static int answer_lines(void) {
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        json_t *o = json_loads(line, 0, NULL);
        if (!o) return 1;
        answer(o);
        json_decref(o);
    }
    free(line);
    return 0;
}

/* ---- a table of cases ---- */

#define OFFICE "{\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"],\"from\":\"09:00\",\"to\":\"18:00\"}"
#define TOKYO(outside) "{\"local_time\":{\"timezone\":\"Asia/Tokyo\",\"windows\":[" OFFICE "],\"outside\":" outside "}}"
#define NIGHT(zone, day)                                                                                               \
    "{\"local_time\":{\"timezone\":\"" zone "\",\"windows\":[{\"days\":[\"" day                                        \
    "\"],\"from\":\"22:00\",\"to\":\"06:00\"}]}}"
#define AT(zone, day, from, to)                                                                                        \
    "{\"local_time\":{\"timezone\":\"" zone "\",\"windows\":[{\"days\":[\"" day "\"],\"from\":\"" from                 \
    "\",\"to\":\"" to "\"}]}}"

/* Fri 2026-11-20 12:00 JST */
#define NOON 1795143600000

/* What every case starts from: a medium action against host WS-１２.Tokyo.example at noon of a Friday in Tokyo. */
static struct rule_facts usual(struct arena *a) {
    static const char *tags[] = {"Finance", "VIP"}, *threats[] = {"ransomware"},
                      *tactics[] = {"TA0005: Defense Evasion"}, *techniques[] = {"T1036.005: Match Legitimate Name"};
    struct rule_facts f = {.type = "KILL_PROCESS",
                           .risk = RISK_MEDIUM,
                           .priority = "HIGH",
                           .tenant_id = "t-1",
                           .asset_id = "0xe5afd1145ed019ed14e695a4ab8811dd",
                           .host_name = "WS-\xEF\xBC\x91\xEF\xBC\x92.Tokyo.example",
                           .asset_tags = {2, tags},
                           .threat_classes = {1, threats},
                           .mitre_tactics = {1, tactics},
                           .mitre_techniques = {1, techniques},
                           .detection_technology = "Behavior Detection",
                           .now_ms = NOON,
                           .tenant_assets = 100,
                           .tenant_affected = 1};
    rule_facts_fold_incident(a, &f);
    rule_facts_fold_host(a, &f);
    return f;
}

struct trial {
    struct arena a;
    struct rule_book book;
    struct rule_facts facts;
    struct rule_counts counts[LOOKS_MAX];
    struct rule_look looks[LOOKS_MAX];
};

static struct trial *begin(void) {
    struct trial *t = calloc(1, sizeof *t);
    arena_init(&t->a, 1 << 24);
    rule_book_open(&t->a, LOOKS_MAX, &t->book);
    t->facts = usual(&t->a);
    return t;
}

static void end(struct trial *t) {
    rule_book_close(&t->book);
    arena_free(&t->a);
    free(t);
}

static void rule(struct trial *t, const char *id, const char *mode, const char *effect, const char *when,
                 const char *limits) {
    rule_book_add(&t->a, &t->book, &(struct rule_row){id, id, mode, effect, when, limits, 0});
}

static void decides(struct trial *t, enum rule_decision decision, const char *id, const char *reason) {
    struct ruling got = rules_evaluate(t->book.rules, t->book.n, &t->facts, t->counts, t->looks);
    assert_int_equal(got.decision, decision);
    assert_string_equal(got.rule ? got.rule->rule_id : "", id);
    assert_string_equal(got.reason, reason);
}

/* One accepting rule with these conditions, at another time if at is not 0; failed "" = it matches. */
static void condition_at(const char *when, int64_t at, const char *failed) {
    struct trial *t = begin();
    if (at) t->facts.now_ms = at;
    rule(t, "a", "enforce", "accept", when, "{}");
    decides(t, *failed ? RULE_NONE : RULE_ACCEPT, *failed ? "" : "a", "");
    assert_string_equal(t->looks[0].failed, failed);
    end(t);
}

static void condition(const char *when, const char *failed) { condition_at(when, 0, failed); }

static void test_conditions(void **state) {
    (void)state;
    condition("{\"types\":[\"GET_FILE\",\"KILL_PROCESS\"]}", "");
    condition("{\"types\":[\"GET_FILE\"]}", "types");
    condition("{\"priorities\":[\"HIGH\"]}", "");
    condition("{\"priorities\":[\"LOW\",\"NORMAL\"]}", "priorities");
    condition("{\"tenants\":[\"-\",\"t-1\"]}", "");
    condition("{\"tenants\":[\"-\"]}", "tenants");
    condition("{\"asset_ids\":[\"0xE5AFD1145ED019ED14E695A4AB8811DD\"]}", "");
    condition("{\"asset_ids\":[\"0xe5afd1145ed019ed14e695a4ab8811de\"]}", "asset_ids");
    condition("{\"asset_tags\":[\"vip\"]}", "");
    condition("{\"asset_tags\":[\"vi\"]}", "asset_tags");
    condition("{\"threat_classes\":[\"worm\",\"ransomware\"]}", "");
    condition("{\"threat_classes\":[\"worm\"]}", "threat_classes");
    condition("{\"mitre_tactics\":[\"Defense evasion\"]}", "");
    condition("{\"mitre_tactics\":[\"TA0005\"]}", "");
    condition("{\"mitre_tactics\":[\"TA0006\"]}", "mitre_tactics");
    condition("{\"mitre_techniques\":[\"t1036.005\"]}", "");
    condition("{\"mitre_techniques\":[\"T1036\"]}", "mitre_techniques");
    condition("{\"detection_technologies\":[\"behavior detection\"]}", "");
    condition("{\"detection_technologies\":[\"Behavior\"]}", "detection_technologies");
    condition("{\"risk_at_most\":\"medium\"}", "");
    condition("{\"risk_at_most\":\"high\"}", "");
    condition("{\"risk_at_most\":\"low\"}", "risk_at_most");
    condition("{\"types\":[\"KILL_PROCESS\"],\"priorities\":[\"LOW\"],\"risk_at_most\":\"low\"}", "priorities");
}

static void test_host_globs(void **state) {
    (void)state;
    condition("{\"host_globs\":[\"ws-*\"]}", "");
    condition("{\"host_globs\":[\"WS-??.tokyo.*\"]}", "");
    condition("{\"host_globs\":[\"ws-12.tokyo.example\"]}", "");
    condition("{\"host_globs\":[\"ws-?.*\"]}", "host_globs");
    condition("{\"host_globs\":[\"ws\"]}", "host_globs");
    condition("{\"host_globs\":[\"*\"]}", "");
    condition("{\"host_globs\":[\"dc*\",\"*\\uff25xample\"]}", "");
}

static void test_local_time(void **state) {
    (void)state;
    condition(TOKYO("false"), "");
    condition(TOKYO("true"), "local_time");
    condition_at(TOKYO("false"), NOON + 6 * 3600000 - 1, "");
    condition_at(TOKYO("false"), NOON + 6 * 3600000, "local_time");
    condition_at(TOKYO("true"), NOON + 86400000, "");
    /* Friday 22:00 to Saturday 06:00 */
    condition_at(NIGHT("Asia/Tokyo", "fri"), NOON + 10 * 3600000, "");
    condition_at(NIGHT("Asia/Tokyo", "fri"), NOON + 18 * 3600000 - 1, "");
    condition_at(NIGHT("Asia/Tokyo", "fri"), NOON + 18 * 3600000, "local_time");
    condition_at(NIGHT("Asia/Tokyo", "sat"), NOON + 17 * 3600000, "local_time");
    condition(AT("Asia/Tokyo", "fri", "00:00", "00:00"), "");
    condition(AT("Asia/Tokyo", "fri", "12:00", "12:00"), "");
    condition(AT("Asia/Tokyo", "thu", "12:00", "12:00"), "local_time");
    condition(AT("Asia/Tokyo", "thu", "12:01", "12:01"), "");
    /* another zone, another day: in Honolulu it is still Thursday */
    condition(AT("Pacific/Honolulu", "thu", "17:00", "17:01"), "");
}

/* New York, 2026: 02:00 -> 03:00 on Sunday 8 March, 02:00 -> 01:00 on Sunday 1 November. */
static void test_daylight_saving(void **state) {
    (void)state;
    int64_t gap = 1772953200000, fold = 1793509200000; /* 07:00 UTC = 03:00 EDT; 05:00 UTC = 01:00 EDT */
    condition_at(AT("America/New_York", "sun", "01:00", "02:00"), gap - 1, "");
    condition_at(AT("America/New_York", "sun", "02:00", "03:00"), gap - 1, "local_time");
    condition_at(AT("America/New_York", "sun", "02:00", "03:00"), gap, "local_time");
    condition_at(AT("America/New_York", "sun", "02:30", "03:30"), gap, "");
    condition_at(AT("America/New_York", "sun", "01:00", "02:00"), fold, "");
    condition_at(AT("America/New_York", "sun", "01:00", "02:00"), fold + 3600000, "");
    condition_at(AT("America/New_York", "sun", "01:00", "02:00"), fold + 2 * 3600000, "local_time");
    condition_at(AT("America/New_York", "sun", "01:30", "01:45"), fold + 35 * 60000, "");
    condition_at(AT("America/New_York", "sun", "01:30", "01:45"), fold + 95 * 60000, "");
    condition_at(AT("America/New_York", "sun", "01:30", "01:45"), fold + 65 * 60000, "local_time");
}

#define ALL "{\"priorities\":[\"HIGH\"]}"
#define NO_MATCH "{\"priorities\":[\"LOW\"]}"

static void test_order(void **state) {
    (void)state;
    struct trial *t = begin();
    decides(t, RULE_NONE, "", "");
    rule(t, "other", "enforce", "hold", NO_MATCH, "{}");
    rule(t, "off", "off", "hold", ALL, "{}");
    rule(t, "shadow", "shadow", "decline", ALL, "{}");
    decides(t, RULE_NONE, "", "");
    assert_int_equal(t->looks[2].would, RULE_DECLINE);
    rule(t, "first", "enforce", "accept", ALL, "{}");
    rule(t, "second", "enforce", "accept", ALL, "{}");
    decides(t, RULE_ACCEPT, "first", "");
    rule(t, "decline", "enforce", "decline", ALL, "{}");
    decides(t, RULE_DECLINE, "decline", "");
    rule(t, "hold", "enforce", "hold", "{}", "{}");
    decides(t, RULE_DECLINE, "decline", "");
    t->book.rules[5].mode = RULE_OFF;
    decides(t, RULE_HOLD, "hold", "rule");
    t->book.rules[6].expires_at = NOON;
    decides(t, RULE_ACCEPT, "first", "");
    t->book.rules[6].expires_at = NOON + 1;
    decides(t, RULE_HOLD, "hold", "rule");
    end(t);
}

static void test_setting(void **state) {
    (void)state;
    struct trial *t = begin();
    t->facts.setting_accepts = true;
    decides(t, RULE_ACCEPT, "", "");
    t->facts.frozen = true;
    decides(t, RULE_HOLD, "", "frozen");
    t->facts.critical = true;
    decides(t, RULE_HOLD, "", "critical");
    t->facts.critical = t->facts.frozen = false;
    rule(t, "hold", "enforce", "hold", ALL, "{}");
    decides(t, RULE_HOLD, "hold", "rule");
    end(t);
}

static void test_what_keeps_an_acceptance_back(void **state) {
    (void)state;
    struct trial *t = begin();
    rule(t, "a", "enforce", "accept", ALL, "{\"per_hour\":3,\"concurrent\":2,\"max_percent_of_assets\":10}");
    rule(t, "roomy", "enforce", "accept", ALL, "{}");
    t->facts.setting_accepts = true;
    t->counts[0] = (struct rule_counts){2, 1};
    t->facts.tenant_affected = 10;
    decides(t, RULE_ACCEPT, "a", "");
    t->counts[0].last_hour = 3;
    decides(t, RULE_HOLD, "a", "per_hour");
    t->counts[0] = (struct rule_counts){2, 2};
    decides(t, RULE_HOLD, "a", "concurrent");
    t->counts[0].concurrent = 1;
    t->facts.tenant_affected = 11;
    decides(t, RULE_HOLD, "a", "max_percent_of_assets");
    t->facts.tenant_affected = 1;
    t->facts.tenant_assets = 0;
    decides(t, RULE_HOLD, "a", "max_percent_of_assets");
    t->facts.tenant_assets = 100;
    t->facts.critical = true;
    decides(t, RULE_HOLD, "a", "critical");
    t->facts.critical = false;
    t->facts.frozen = true;
    decides(t, RULE_HOLD, "a", "frozen");
    end(t);
}

static void test_unreadable(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "null",
                                      "{}",
                                      "{\"priorities\":[]}",
                                      "{\"priorities\":[\"HIGH\",\"no\"]}",
                                      "{\"priorities\":[\"HIGH\"],\"moon_phase\":[\"full\"]}",
                                      "{\"priorities\":[\"HIGH\"],\"priorities\":[\"HIGH\"]}",
                                      "{\"types\":[\"NO_SUCH\"]}",
                                      "{\"host_globs\":[\"[a]\"]}",
                                      AT("Asia/Tokio", "fri", "00:00", "12:00"),
                                      AT("Asia/Tokyo", "friday", "00:00", "12:00"),
                                      AT("Asia/Tokyo", "fri", "0:00", "12:00"),
                                      AT("Asia/Tokyo", "fri", "00:00", "24:00")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct trial *t = begin();
        rule(t, "a", "enforce", "accept", bad[i], "{}");
        decides(t, RULE_NONE, "", "");
        assert_int_equal(t->looks[0].verdict, RULE_IS_UNREADABLE);
        if (strcmp(bad[i], "{}") != 0) {
            rule(t, "d", "enforce", "decline", bad[i], "{}");
            decides(t, RULE_HOLD, "d", "unreadable");
        }
        end(t);
    }
    struct trial *t = begin();
    rule(t, "a", "enforce", "accept", ALL, "{\"per_hour\":0}");
    rule(t, "a", "enforce", "accept", ALL, "{\"per_day\":5}");
    decides(t, RULE_NONE, "", "");
    rule(t, "mode", "sometimes", "accept", ALL, "{}");
    decides(t, RULE_NONE, "", "");
    rule(t, "effect", "enforce", "reject", ALL, "{}");
    decides(t, RULE_HOLD, "effect", "unreadable");
    end(t);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--lines")) return answer_lines();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_host_globs),
        cmocka_unit_test(test_local_time),
        cmocka_unit_test(test_daylight_saving),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_setting),
        cmocka_unit_test(test_what_keeps_an_acceptance_back),
        cmocka_unit_test(test_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
