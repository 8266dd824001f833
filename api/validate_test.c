/* Each rule of api/validate.h with requests that keep it and requests that break it: on a schema written here, then on
 * those of openapi.yaml. A bad request must fail with exactly the pointer and words that a client is shown. */
#include "api/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include "build/gen/operations.h"
#include "tests/unit.h"

struct pet {
    const char *name;
    int64_t age;
    bool has_age;
};

struct zoo {
    const char *id, *title, *sort, *asset, *host, *uuid, *mail, *zone, *sha, *md5;
    int64_t page, since, size;
    bool has_page, has_since, has_size;
    bool open, has_open, quiet, has_quiet;
    struct strings tags, kinds;
    struct pet *pets;
    size_t pets_n;
    const struct pet *chief;
    json_t *free;
};

#define AT(m) .offset = offsetof(struct zoo, m)
#define EXTRA(m) .extra_offset = offsetof(struct zoo, m)

static const struct choice kinds[] = {{"bird", "bird"}, {"fish", "fish"}};
static const struct choice sorts[] = {{"host_name:asc", "host_name:asc"}, {"computer:asc", "host_name:asc"}};
static const struct member pet_members[] = {
    {.name = "name", .kind = KIND_STRING, .required = true, .offset = offsetof(struct pet, name), .min = 1, .max = 5},
    {.name = "age",
     .kind = KIND_INTEGER,
     .offset = offsetof(struct pet, age),
     .extra_offset = offsetof(struct pet, has_age),
     .max = 99},
};
static const struct schema pet_schema = {pet_members, 2, sizeof(struct pet), NULL};
static const struct member zoo_members[] = {
    {.name = "id", .kind = KIND_STRING, .required = true, AT(id), .min = 1, .max = 4},
    {.name = "title", .kind = KIND_STRING, AT(title), .max = 100, .line = true},
    {.name = "sort", .kind = KIND_STRING, AT(sort), .max = -1, .choices = sorts, .choices_n = 2},
    {.name = "asset", .kind = KIND_STRING, AT(asset), .max = -1, .format = FORMAT_ASSET_ID},
    {.name = "host", .kind = KIND_STRING, AT(host), .max = -1, .format = FORMAT_HOST_REF},
    {.name = "uuid", .kind = KIND_STRING, AT(uuid), .max = -1, .format = FORMAT_UUID},
    {.name = "mail", .kind = KIND_STRING, AT(mail), .max = -1, .format = FORMAT_EMAIL},
    {.name = "zone",
     .kind = KIND_STRING,
     AT(zone),
     .max = -1,
     .format = FORMAT_TIMEZONE,
     .has_default = true,
     .default_text = "UTC"},
    {.name = "sha", .kind = KIND_STRING, AT(sha), .max = -1, .format = FORMAT_SHA256},
    {.name = "md5", .kind = KIND_STRING, AT(md5), .max = -1, .format = FORMAT_MD5},
    {.name = "page",
     .kind = KIND_INTEGER,
     AT(page),
     EXTRA(has_page),
     .min = 1,
     .max = 10,
     .has_default = true,
     .default_integer = 3},
    {.name = "min_update_time", .kind = KIND_INTEGER, AT(since), EXTRA(has_since), .max = 253402300799999},
    {.name = "size",
     .kind = KIND_INTEGER,
     AT(size),
     EXTRA(has_size),
     .min = 1,
     .max = 100,
     .has_default = true,
     .default_integer = 50},
    {.name = "page_size", .kind = KIND_INTEGER, AT(size), EXTRA(has_size), .min = 1, .max = 100, .alias_of = "size"},
    {.name = "open", .kind = KIND_BOOLEAN, AT(open), EXTRA(has_open)},
    {.name = "quiet", .kind = KIND_BOOLEAN, AT(quiet), EXTRA(has_quiet), .has_default = true, .default_integer = 1},
    {.name = "tags", .kind = KIND_STRINGS, AT(tags), .max = 3, .items_max = 2},
    {.name = "kinds",
     .kind = KIND_STRINGS,
     AT(kinds),
     .max = -1,
     .items_min = 1,
     .items_max = -1,
     .choices = kinds,
     .choices_n = 2},
    {.name = "pets", .kind = KIND_OBJECTS, AT(pets), EXTRA(pets_n), .items_max = 2, .object = &pet_schema},
    {.name = "chief", .kind = KIND_OBJECT, AT(chief), .object = &pet_schema},
    {.name = "free", .kind = KIND_JSON, AT(free)},
    {.name = "dropped", .kind = KIND_IGNORED},
};
static const struct schema zoo_schema = {zoo_members, sizeof zoo_members / sizeof *zoo_members, sizeof(struct zoo),
                                         NULL};

struct pair_args {
    const char *a, *b, *c;
};
static const struct member pair_members[] = {
    {.name = "a", .kind = KIND_STRING, .offset = offsetof(struct pair_args, a), .max = -1},
    {.name = "b", .kind = KIND_STRING, .offset = offsetof(struct pair_args, b), .max = -1},
    {.name = "c", .kind = KIND_STRING, .offset = offsetof(struct pair_args, c), .max = -1},
};
static const char *const *const pair_one_of[] = {(const char *const[]){"a", NULL},
                                                 (const char *const[]){"b", "c", NULL}, NULL};
static const struct schema pair_schema = {pair_members, 3, sizeof(struct pair_args), pair_one_of};

/* ---- a request at hand for each test */

static struct arena arena;
static struct request request;
static struct zoo zoo;
static json_t *body;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4 << 20);
    request = (struct request){.arena = &arena};
    zoo = (struct zoo){0};
    body = NULL;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    json_decref(body);
    arena_free(&arena);
    return 0;
}

static json_t *parse(const char *text) {
    json_decref(body);
    body = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(body);
    return body;
}

static enum err check(const struct schema *schema, const char *text, void *args) {
    memset(&request.fault, 0, sizeof request.fault);
    return validate(&request, schema, parse(text), args);
}

static void passes(const char *text) {
    zoo = (struct zoo){0};
    enum err e = check(&zoo_schema, text, &zoo);
    if (e != OK) print_message("%s: %s %s\n", text, request.fault.items[0].pointer, request.fault.items[0].detail);
    assert_int_equal(e, OK);
    assert_int_equal(request.fault.items_n, 0);
}

static void fault_is(size_t i, const char *pointer, const char *detail) {
    assert_true(i < request.fault.items_n);
    assert_string_equal(request.fault.items[i].pointer, pointer);
    assert_string_equal(request.fault.items[i].detail, detail);
}

static void fails(const char *text, const char *pointer, const char *detail) {
    zoo = (struct zoo){0};
    assert_int_equal(check(&zoo_schema, text, &zoo), ERR_INVALID);
    assert_int_equal(request.fault.items_n, 1);
    fault_is(0, pointer, detail);
}

/* ---- the rules */

static void test_absent_takes_defaults(void **state) {
    (void)state;
    passes("{\"id\":\"x\"}");
    assert_string_equal(zoo.id, "x");
    assert_string_equal(zoo.zone, "UTC");
    assert_int_equal(zoo.page, 3);
    assert_false(zoo.has_page);
    assert_int_equal(zoo.size, 50);
    assert_true(zoo.quiet);
    assert_false(zoo.has_quiet);
    assert_false(zoo.has_open);
    assert_null(zoo.title);
    assert_null(zoo.tags.v);
    assert_null(zoo.pets);
    assert_null(zoo.chief);
    assert_null(zoo.free);
}

static void test_null_is_absent(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"title\":null,\"page\":null,\"open\":null,\"tags\":null,\"pets\":null,\"chief\":null,"
           "\"free\":null,\"size\":null,"
           "\"page_size\":null,\"kinds\":null,\"zone\":null}");
    assert_int_equal(zoo.page, 3);
    assert_string_equal(zoo.zone, "UTC");
    assert_null(zoo.tags.v);
    fails("{\"id\":null}", "/id", "is required");
    fails("{}", "/id", "is required");
}

static void test_body_must_be_an_object(void **state) {
    (void)state;
    fails("[]", "", "must be an object");
    fails("\"x\"", "", "must be an object");
    memset(&request.fault, 0, sizeof request.fault);
    assert_int_equal(validate(&request, &zoo_schema, NULL, &zoo), ERR_INVALID);
    fault_is(0, "/id", "is required");
    memset(&request.fault, 0, sizeof request.fault);
    assert_int_equal(validate(&request, &pet_schema, NULL, NULL), ERR_INVALID);
}

static void test_unknown_members(void **state) {
    (void)state;
    fails("{\"id\":\"x\",\"min_updated_time\":1}", "/min_updated_time",
          "unknown member; did you mean \"min_update_time\"?");
    fails("{\"id\":\"x\",\"Title\":\"a\"}", "/Title", "unknown member; did you mean \"title\"?");
    fails("{\"id\":\"x\",\"zzzzzzzzzzzzzzzzz\":1}", "/zzzzzzzzzzzzzzzzz",
          "unknown member; the nearest known one is \"zone\"");
    fails("{\"id\":\"x\",\"q~/w\":1}", "/q~0~1w", "unknown member; the nearest known one is \"id\"");
    fails("{\"id\":\"x\",\"titel\":null}", "/titel", "unknown member; did you mean \"title\"?");
    fails("{\"id\":\"x\",\"\":1}", "/", "unknown member; the nearest known one is \"id\"");
    fails("{\"id\":\"x\",\"pets\":[{\"name\":\"a\",\"agee\":1}]}", "/pets/0/agee",
          "unknown member; did you mean \"age\"?");
}

static void test_long_names_are_clipped_at_a_character(void **state) {
    (void)state;
    char text[1000] = "{\"id\":\"x\",\"a";
    for (int i = 0; i < 100; i++) strcat(text, "\xE7\x8C\xAB");
    strcat(text, "\":1}");
    assert_int_equal(check(&zoo_schema, text, &zoo), ERR_INVALID);
    const char *pointer = request.fault.items[0].pointer;
    assert_int_equal(strlen(pointer), 1 + 1 + 19 * 3);
    assert_string_equal(pointer + strlen(pointer) - 3, "\xE7\x8C\xAB");
}

static void test_ignored_takes_anything(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"dropped\":[{\"a\":{}}]}");
    passes("{\"id\":\"x\",\"dropped\":\"y\"}");
}

static void test_wrong_types(void **state) {
    (void)state;
    fails("{\"id\":7}", "/id", "must be a string");
    fails("{\"id\":\"x\",\"page\":\"7\"}", "/page", "must be an integer");
    fails("{\"id\":\"x\",\"page\":7.0}", "/page", "must be an integer");
    fails("{\"id\":\"x\",\"page\":true}", "/page", "must be an integer");
    fails("{\"id\":\"x\",\"open\":1}", "/open", "must be true or false");
    fails("{\"id\":\"x\",\"open\":\"true\"}", "/open", "must be true or false");
    fails("{\"id\":\"x\",\"tags\":7}", "/tags", "must be an array of strings");
    fails("{\"id\":\"x\",\"tags\":{}}", "/tags", "must be an array of strings");
    fails("{\"id\":\"x\",\"tags\":[\"a\",7]}", "/tags/1", "must be a string");
    fails("{\"id\":\"x\",\"tags\":[null]}", "/tags/0", "must be a string");
    fails("{\"id\":\"x\",\"pets\":{}}", "/pets", "must be an array of objects");
    fails("{\"id\":\"x\",\"pets\":[\"a\"]}", "/pets/0", "must be an object");
    fails("{\"id\":\"x\",\"chief\":[]}", "/chief", "must be an object");
    fails("{\"id\":\"x\",\"free\":[]}", "/free", "must be an object");
}

static void test_integers(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"page\":1}");
    assert_int_equal(zoo.page, 1);
    assert_true(zoo.has_page);
    passes("{\"id\":\"x\",\"page\":10}");
    fails("{\"id\":\"x\",\"page\":0}", "/page", "must be between 1 and 10");
    fails("{\"id\":\"x\",\"page\":11}", "/page", "must be between 1 and 10");
    fails("{\"id\":\"x\",\"page\":-9223372036854775808}", "/page", "must be between 1 and 10");
    passes("{\"id\":\"x\",\"min_update_time\":0}");
    assert_true(zoo.has_since);
    fails("{\"id\":\"x\",\"min_update_time\":-1}", "/min_update_time", "must be between 0 and 253402300799999");
    fails("{\"id\":\"x\",\"min_update_time\":253402300800000}", "/min_update_time",
          "must be between 0 and 253402300799999");
}

static void test_booleans(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"open\":false,\"quiet\":false}");
    assert_false(zoo.open);
    assert_true(zoo.has_open);
    assert_false(zoo.quiet);
    assert_true(zoo.has_quiet);
}

static void test_string_lengths_count_code_points(void **state) {
    (void)state;
    passes("{\"id\":\"\xE5\xA4\xA7\xE9\x98\xAA\xE6\x94\xAF\xE7\xA4\xBE\"}");
    fails("{\"id\":\"\xE5\xA4\xA7\xE9\x98\xAA\xE6\x94\xAF\xE7\xA4\xBE\xE5\xA4\xA7\"}", "/id",
          "must have at most 4 characters, has 5");
    passes("{\"id\":\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\"}");
    fails("{\"id\":\"\"}", "/id", "must not be empty");
}

static void test_controls(void **state) {
    (void)state;
    fails("{\"id\":\"a\\u0000b\"}", "/id", "must not hold U+0000");
    fails("{\"id\":\"\\u0000\"}", "/id", "must not hold U+0000");
    fails("{\"id\":\"x\",\"sort\":\"host_name:asc\\u0000\"}", "/sort", "must not hold U+0000");
    passes("{\"id\":\"a\\nb\"}");
    const char *lines[] = {"a\\nb", "a\\rb", "a\\tb", "\\u001b[31m", "\\u007f", "\\u0085", "\\u2028", "\\u2029"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[100];
        snprintf(text, sizeof text, "{\"id\":\"x\",\"title\":\"%s\"}", lines[i]);
        fails(text, "/title", "must be one line without control characters");
    }
    passes("{\"id\":\"x\",\"title\":\"\\u00a0 \\u3000 \\u2027 \\u30a2\"}");
}

static void test_choices(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"sort\":\"host_name:asc\",\"kinds\":[\"fish\",\"bird\"]}");
    assert_string_equal(zoo.sort, "host_name:asc");
    assert_string_equal(zoo.kinds.v[1], "bird");
    passes("{\"id\":\"x\",\"sort\":\"computer:asc\"}");
    assert_string_equal(zoo.sort, "host_name:asc");
    fails("{\"id\":\"x\",\"sort\":\"Host_name:asc\"}", "/sort",
          "\"Host_name:asc\" is not one of \"host_name:asc\", \"computer:asc\"");
    fails("{\"id\":\"x\",\"sort\":\"\"}", "/sort", "\"\" is not one of \"host_name:asc\", \"computer:asc\"");
    fails("{\"id\":\"x\",\"kinds\":[\"bird\",\"cat\"]}", "/kinds/1", "\"cat\" is not one of \"bird\", \"fish\"");
}

static void test_arrays(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"tags\":\"one\"}");
    assert_int_equal(zoo.tags.n, 1);
    assert_string_equal(zoo.tags.v[0], "one");
    passes("{\"id\":\"x\",\"tags\":[]}");
    assert_int_equal(zoo.tags.n, 0);
    assert_non_null(zoo.tags.v);
    passes("{\"id\":\"x\",\"tags\":[\"a\",\"b\"]}");
    fails("{\"id\":\"x\",\"tags\":[\"a\",\"b\",\"c\"]}", "/tags", "must have at most 2 elements, has 3");
    fails("{\"id\":\"x\",\"tags\":\"four\"}", "/tags", "must have at most 3 characters, has 4");
    fails("{\"id\":\"x\",\"tags\":[\"four\"]}", "/tags/0", "must have at most 3 characters, has 4");
    fails("{\"id\":\"x\",\"kinds\":[]}", "/kinds", "must not be empty");
}

static void test_objects(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"pets\":[{\"name\":\"a\"},{\"name\":\"b\",\"age\":3}],\"chief\":{\"name\":\"c\"},\"free\":{"
           "\"a\":[1]}}");
    assert_int_equal(zoo.pets_n, 2);
    assert_string_equal(zoo.pets[1].name, "b");
    assert_int_equal(zoo.pets[1].age, 3);
    assert_false(zoo.pets[0].has_age);
    assert_string_equal(zoo.chief->name, "c");
    assert_ptr_equal(zoo.free, json_object_get(body, "free"));
    passes("{\"id\":\"x\",\"pets\":[]}");
    assert_non_null(zoo.pets);
    assert_int_equal(zoo.pets_n, 0);
    fails("{\"id\":\"x\",\"pets\":[{\"name\":\"a\"},{}]}", "/pets/1/name", "is required");
    fails("{\"id\":\"x\",\"pets\":[{\"name\":\"a\",\"age\":100}]}", "/pets/0/age", "must be between 0 and 99");
    fails("{\"id\":\"x\",\"pets\":[{\"name\":\"a\"},{\"name\":\"a\"},{\"name\":\"a\"}]}", "/pets",
          "must have at most 2 elements, has 3");
    fails("{\"id\":\"x\",\"chief\":{}}", "/chief/name", "is required");
}

static void test_aliases(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"page_size\":7}");
    assert_int_equal(zoo.size, 7);
    assert_true(zoo.has_size);
    passes("{\"id\":\"x\",\"page_size\":7,\"size\":7}");
    passes("{\"id\":\"x\",\"page_size\":7,\"size\":null}");
    assert_int_equal(zoo.size, 7);
    fails("{\"id\":\"x\",\"page_size\":7,\"size\":8}", "/page_size",
          "is another name of \"size\" and has another value");
    fails("{\"id\":\"x\",\"page_size\":0}", "/page_size", "must be between 1 and 100");
}

static void test_one_of_required(void **state) {
    (void)state;
    struct pair_args args = {0};
    assert_int_equal(check(&pair_schema, "{\"a\":\"1\"}", &args), OK);
    assert_int_equal(check(&pair_schema, "{\"b\":\"1\",\"c\":\"2\"}", &args), OK);
    assert_int_equal(check(&pair_schema, "{\"b\":\"1\"}", &args), ERR_INVALID);
    fault_is(0, "", "needs \"a\" or \"b\" with \"c\"");
    assert_int_equal(check(&pair_schema, "{\"a\":null}", &args), ERR_INVALID);
}

/* ---- formats */

#define HEX32 "e5afd1145ed019ed14e695a4ab8811dd"
#define HEX32_UPPER "E5AFD1145ED019ED14E695A4AB8811DD"

static void test_format_asset_id(void **state) {
    (void)state;
    const char *bad = "must be an asset id: 0x and 32 hex digits";
    passes("{\"id\":\"x\",\"asset\":\"0x" HEX32 "\"}");
    passes("{\"id\":\"x\",\"asset\":\"0X" HEX32_UPPER "\"}");
    assert_string_equal(zoo.asset, "0x" HEX32);
    fails("{\"id\":\"x\",\"asset\":\"" HEX32 "\"}", "/asset", bad);
    fails("{\"id\":\"x\",\"asset\":\"0x" HEX32 "0\"}", "/asset", bad);
    fails("{\"id\":\"x\",\"asset\":\"0xg5afd1145ed019ed14e695a4ab8811dd\"}", "/asset", bad);
    fails("{\"id\":\"x\",\"asset\":\"\"}", "/asset", bad);
}

static void test_format_host_ref(void **state) {
    (void)state;
    const char *bad = "must be HOST-NAME:0x and 32 hex digits, as assets/suggestion gives it";
    passes("{\"id\":\"x\",\"host\":\"JERRY.soc.lab:0x" HEX32_UPPER "\"}");
    assert_string_equal(zoo.host, "JERRY.soc.lab:0x" HEX32);
    passes("{\"id\":\"x\",\"host\":\"fe80::1:0x" HEX32 "\"}");
    passes("{\"id\":\"x\",\"host\":\"\xE7\xB5\x8C\xE7\x90\x86:0x" HEX32 "\"}");
    fails("{\"id\":\"x\",\"host\":\":0x" HEX32 "\"}", "/host", bad);
    fails("{\"id\":\"x\",\"host\":\"JERRY\"}", "/host", bad);
    fails("{\"id\":\"x\",\"host\":\"JERRY:\"}", "/host", bad);
    fails("{\"id\":\"x\",\"host\":\"JER\\nRY:0x" HEX32 "\"}", "/host", bad);
}

static void test_format_uuid_and_hashes(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"uuid\":\"2D3C6F0E-5a74-4b0e-9a0c-6d7f0f4b2f10\",\"md5\":\"" HEX32_UPPER
           "\",\"sha\":\"" HEX32 HEX32_UPPER "\"}");
    assert_string_equal(zoo.uuid, "2d3c6f0e-5a74-4b0e-9a0c-6d7f0f4b2f10");
    assert_string_equal(zoo.md5, HEX32);
    assert_string_equal(zoo.sha, HEX32 HEX32);
    fails("{\"id\":\"x\",\"uuid\":\"2d3c6f0e5a744b0e9a0c6d7f0f4b2f10\"}", "/uuid", "must be a UUID");
    fails("{\"id\":\"x\",\"uuid\":\"2d3c6f0e-5a74-4b0e-9a0c-6d7f0f4b2f1g\"}", "/uuid", "must be a UUID");
    fails("{\"id\":\"x\",\"md5\":\"" HEX32 "0\"}", "/md5", "must be an MD5: 32 hex digits");
    fails("{\"id\":\"x\",\"sha\":\"" HEX32 "\"}", "/sha", "must be a SHA-256: 64 hex digits");
}

static void test_format_email(void **state) {
    (void)state;
    const char *good[] = {"a@b", "hanako.yamada+mdr@example.co.jp", "o'brien@example.com"};
    const char *bad[] = {
        "",        "a",    "@b",   "a@",     "a@b@c",   "a b@c",  "a@b\\r\\nBcc: x@y", "a@b\\u0000", "<a@b>",
        "a@b,c@d", "a@.b", "a@b.", "a@b..c", "a\\\"@b", "a@b\\t", "\xE3\x81\x82@b",    "a@-b"};
    char text[200];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text, "{\"id\":\"x\",\"mail\":\"%s\"}", good[i]);
        passes(text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "{\"id\":\"x\",\"mail\":\"%s\"}", bad[i]);
        if (check(&zoo_schema, text, &zoo) != ERR_INVALID) fail_msg("%s passed", text);
        assert_string_equal(request.fault.items[0].pointer, "/mail");
    }
}

static void test_format_email_length(void **state) {
    (void)state;
    char text[400] = "{\"id\":\"x\",\"mail\":\"a@";
    for (int i = 0; i < 252; i++) strcat(text, "b");
    strcat(text, "\"}");
    passes(text);
    text[strlen(text) - 2] = 0;
    strcat(text, "b\"}");
    fails(text, "/mail", "must be an e-mail address");
}

static void test_format_timezone(void **state) {
    (void)state;
    passes("{\"id\":\"x\",\"zone\":\"Asia/Tokyo\"}");
    assert_string_equal(zoo.zone, "Asia/Tokyo");
    passes("{\"id\":\"x\",\"zone\":\"Etc/GMT+9\"}");
    const char *bad[] = {"",
                         "Asia",
                         "Asia/",
                         "Asia/Nowhere",
                         "/etc/passwd",
                         "../../../etc/passwd",
                         "Asia/../../../../etc/passwd",
                         "zone.tab",
                         "tzdata.zi",
                         "posix/Asia/Tokyo",
                         "asia/tokyo",
                         "Asia/Tokyo\\n",
                         "America/Argentina"};
    char text[100];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "{\"id\":\"x\",\"zone\":\"%s\"}", bad[i]);
        fails(text, "/zone", "must be the IANA name of a time zone, such as Asia/Tokyo");
    }
}

/* ---- several faults, places, queries */

static void test_collects_faults_up_to_the_limit(void **state) {
    (void)state;
    assert_int_equal(check(&zoo_schema, "{\"pge\":1,\"page\":0,\"tags\":[1,2]}", &zoo), ERR_INVALID);
    assert_int_equal(request.fault.items_n, 5);
    fault_is(0, "/pge", "unknown member; did you mean \"page\"?");
    fault_is(4, "/id", "is required");
    scope_buf struct buf many;
    buf_init(&many, 100000);
    buf_adds(&many, "{\"id\":\"x\"");
    for (int i = 0; i < 5000; i++) buf_addf(&many, ",\"x%d\":1", i);
    buf_adds(&many, "}");
    assert_int_equal(check(&zoo_schema, buf_text(&many), &zoo), ERR_INVALID);
    assert_int_equal(request.fault.items_n, FAULT_ITEMS_MAX);
    assert_true(arena.used_bytes < 1 << 20);
}

static void test_pointer_of_an_inner_object(void **state) {
    (void)state;
    struct pet pet = {0};
    assert_int_equal(validate_at(&request, "/meta", &pet_schema, parse("{\"name\":\"toolong\"}"), &pet), ERR_INVALID);
    fault_is(0, "/meta/name", "must have at most 5 characters, has 7");
    memset(&request.fault, 0, sizeof request.fault);
    assert_int_equal(validate_at(&request, "/meta", &pet_schema, parse("7"), &pet), ERR_INVALID);
    fault_is(0, "/meta", "must be an object");
}

static enum err query(const struct query_pair *pairs, size_t n) {
    memset(&request.fault, 0, sizeof request.fault);
    zoo = (struct zoo){0};
    return validate_query(&request, &zoo_schema, pairs, n, &zoo);
}

static void test_query(void **state) {
    (void)state;
    struct query_pair good[] = {{"id", "x"}, {"page", "7"}, {"open", "true"}, {"zone", "Asia/Tokyo"}, {"dropped", "t"}};
    assert_int_equal(query(good, 5), OK);
    assert_int_equal(zoo.page, 7);
    assert_true(zoo.open && zoo.has_open);
    assert_string_equal(zoo.zone, "Asia/Tokyo");
    assert_int_equal(zoo.size, 50);
    assert_int_equal(query(NULL, 0), ERR_INVALID);
    fault_is(0, "/id", "is required");
}

static void query_fails(const char *name, const char *value, const char *pointer, const char *detail) {
    struct query_pair pairs[] = {{"id", "x"}, {name, value}};
    assert_int_equal(query(pairs, 2), ERR_INVALID);
    assert_int_equal(request.fault.items_n, 1);
    fault_is(0, pointer, detail);
}

static void test_bad_queries(void **state) {
    (void)state;
    query_fails("page", "x", "/page", "must be an integer");
    query_fails("page", "-1", "/page", "must be an integer");
    query_fails("page", "11", "/page", "must be between 1 and 10");
    query_fails("page", "99999999999999999999", "/page", "must be an integer");
    query_fails("open", "1", "/open", "must be true or false");
    query_fails("zone", "Mars", "/zone", "must be the IANA name of a time zone, such as Asia/Tokyo");
    query_fails("pgae", "1", "/pgae", "unknown member; did you mean \"page\"?");
    query_fails("id", "y", "/id", "is given twice");
}

/* ---- the schemas of openapi.yaml */

static const struct operation *operation(const char *id) {
    for (size_t i = 0; i < operations_n; i++)
        if (!strcmp(operations[i].id, id)) return &operations[i];
    fail_msg("no operation %s", id);
    return NULL;
}

static enum err call(const char *id, const char *text, void *args) { return check(operation(id)->args, text, args); }

static void test_one_body_serves_list_and_count(void **state) {
    (void)state;
    const char *text = "{\"priorities\":\"HIGH\",\"statuses\":[\"Open\",\"On "
                       "hold\"],\"min_update_time\":1768207696053,\"page\":2,\"page_size\":10000,"
                       "\"fields\":[\"incident_id\"],\"sort\":\"update_time:asc\",\"markdown_to_html\":true}";
    struct incidents_list_args list = {0};
    struct incidents_count_args count = {0};
    assert_int_equal(call("incidents_list", text, &list), OK);
    assert_int_equal(list.page, 2);
    assert_int_equal(list.filter.min_update_time, 1768207696053);
    assert_int_equal(call("incidents_count", text, &count), OK);
    assert_int_equal(count.filter.statuses.n, 2);
    assert_string_equal(count.filter.priorities.v[0], "HIGH");
    assert_int_equal(call("incidents_count", "{\"page\":\"nonsense\"}", &count), OK);
    assert_int_equal(call("incidents_list", "{\"page\":0}", &list), ERR_INVALID);
    assert_int_equal(call("incidents_list", "{\"fields\":[\"nope\"]}", &list), ERR_INVALID);
    assert_int_equal(call("incidents_list", "{\"sort\":\"summary:asc\"}", &list), ERR_INVALID);
}

static void test_sort_alias_and_defaults(void **state) {
    (void)state;
    struct assets_list_args assets = {0};
    assert_int_equal(
        call("assets_list", "{\"sort\":\"computer_name_hostname:desc\",\"statuses\":[\"BLOCKED\"]}", &assets), OK);
    assert_string_equal(assets.sort, "host_name:desc");
    assert_int_equal(assets.page_size, 1000);
    struct incidents_history_args history = {0};
    assert_int_equal(call("incidents_history", "{\"page_size\":2}", &history), OK);
    assert_int_equal(history.entity_type_page_size, 2);
    struct incidents_create_args create = {0};
    assert_int_equal(call("incidents_create",
                          "{\"affected_hosts\":\"JERRY:0x" HEX32 "\",\"client_description\":\"d\",\"summary\":\"s\"}",
                          &create),
                     OK);
    assert_string_equal(create.priority, "NORMAL");
    assert_int_equal(create.affected_hosts.n, 1);
}

static const struct response_type *response_type(const char *type) {
    for (size_t i = 0; i < response_types_n; i++)
        if (!strcmp(response_types[i].type, type)) return &response_types[i];
    return NULL;
}

static void test_response_parameters(void **state) {
    (void)state;
    struct params_RUN_SCRIPT script = {0};
    assert_int_equal(
        check(response_type("RUN_SCRIPT")->parameters,
              "{\"interpreter\":\"powershell\",\"workingDirectory\":\"C:\\\\Windows\",\"interpreterParameters\":null}",
              &script),
        OK);
    assert_string_equal(script.workingDirectory, "C:\\Windows");
    assert_int_equal(script.timeout_s, 600);
    const struct schema *prevent = response_type("PREVENT_EXECUTION")->parameters;
    assert_int_equal(check(prevent, "{\"mode\":\"log\"}", NULL), ERR_INVALID);
    assert_int_equal(check(prevent, "{\"md5\":\"" HEX32 "\"}", NULL), OK);
    const struct schema *file = response_type("GET_FILE")->parameters;
    assert_int_equal(check(file, "{\"path\":\"C:\\\\a\",\"max_size_bytes\":10737418240}", NULL), OK);
    assert_int_equal(check(file, "{\"path\":\"C:\\\\a\",\"max_size_bytes\":10737418241}", NULL), ERR_INVALID);
    assert_int_equal(check(response_type("RELEASE_HOST")->parameters, "{}", NULL), OK);
}

static void test_response_type_texts_are_json(void **state) {
    (void)state;
    for (size_t i = 0; i < response_types_n; i++) {
        json_t *info = json_loads(response_types[i].info_json, 0, NULL),
               *parameters = json_loads(response_types[i].parameters_json, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(info, "type")), response_types[i].type);
        assert_true(json_equal(json_object_get(info, "parameters"), parameters));
        assert_null(strstr(response_types[i].info_json, "$ref"));
        json_decref(info);
        json_decref(parameters);
    }
}

/* Every operation has a right, a handler and a schema; only those meant to be are open to everybody. */
static void test_table(void **state) {
    (void)state;
    size_t public = 0;
    for (size_t i = 0; i < operations_n; i++) {
        const struct operation *op = &operations[i];
        assert_non_null(op->args);
        assert_non_null(op->handler);
        assert_true((op->access == ACCESS_ROLES) == (op->roles != 0));
        assert_true(op->args_size == op->args->size);
        assert_true(op->write || !op->idempotent);
        public += op->access == ACCESS_PUBLIC;
    }
    assert_int_equal(public, 3 + 5);
    assert_int_equal(operation("response_update")->roles, ROLE_SUPERVISOR | ROLE_SENIOR_OFFICER);
    assert_false(operation("session_confirm")->idempotent);
    assert_true(operation("attachments_get")->ticket);
    assert_int_equal(strlen(openapi_yaml), openapi_yaml_len);
    assert_int_equal(strlen(docs_html), docs_html_len);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_absent_takes_defaults),
        TEST(test_null_is_absent),
        TEST(test_body_must_be_an_object),
        TEST(test_unknown_members),
        TEST(test_long_names_are_clipped_at_a_character),
        TEST(test_ignored_takes_anything),
        TEST(test_wrong_types),
        TEST(test_integers),
        TEST(test_booleans),
        TEST(test_string_lengths_count_code_points),
        TEST(test_controls),
        TEST(test_choices),
        TEST(test_arrays),
        TEST(test_objects),
        TEST(test_aliases),
        TEST(test_one_of_required),
        TEST(test_format_asset_id),
        TEST(test_format_host_ref),
        TEST(test_format_uuid_and_hashes),
        TEST(test_format_email),
        TEST(test_format_email_length),
        TEST(test_format_timezone),
        TEST(test_collects_faults_up_to_the_limit),
        TEST(test_pointer_of_an_inner_object),
        TEST(test_query),
        TEST(test_bad_queries),
        TEST(test_one_body_serves_list_and_count),
        TEST(test_sort_alias_and_defaults),
        TEST(test_response_parameters),
        TEST(test_response_type_texts_are_json),
        TEST(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
