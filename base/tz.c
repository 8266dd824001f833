#include "base/tz.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZONEINFO "/usr/share/zoneinfo/"
enum { NAME_MAX_LEN = 64, FILE_MAX = 65536, TIMES_MAX = 4096, TYPES_MAX = 256, HEADER = 44, DAY = 86400 };

/* One change of the yearly rule: "M3.2.0/2" (week rule), "J60" (day 1..365, no leap day) or "59" (day 0..365). */
struct rule_date {
    char kind; /* 'M' 'J' 'D' */
    int month, week, day, time_s;
};

struct rule {
    bool present, has_dst;
    struct tz_offset standard, summer;
    struct rule_date from, to;
};

struct tz {
    int times_n, types_n;
    int64_t times[TIMES_MAX];
    unsigned char type_of[TIMES_MAX];
    struct tz_offset types[TYPES_MAX];
    struct rule rule;
};

static bool name_ok(const char *name) {
    size_t len = name ? strlen(name) : 0;
    if (!len || len > NAME_MAX_LEN || !isupper((unsigned char)name[0]) || name[len - 1] == '/') return false;
    if (strstr(name, "//")) return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_+-/", name[i])) return false;
    return true;
}

static size_t read_zone(const char *name, unsigned char *bytes) {
    char path[sizeof ZONEINFO + NAME_MAX_LEN];
    snprintf(path, sizeof path, ZONEINFO "%s", name);
    FILE *file = fopen(path, "rbe");
    if (!file) return 0;
    size_t len = fread(bytes, 1, FILE_MAX, file);
    fclose(file);
    return len;
}

static uint32_t big32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t big64(const unsigned char *p) { return (int64_t)((uint64_t)big32(p) << 32 | big32(p + 4)); }

/* --- the POSIX rule that holds after the table's last time --- */

static const char *read_name(const char *s, char *out, size_t size) {
    size_t n = 0;
    bool quoted = *s == '<';
    if (quoted) s++;
    for (; quoted ? *s && *s != '>' : isalpha((unsigned char)*s); s++)
        if (n + 1 < size) out[n++] = *s;
    out[n] = 0;
    if (quoted && *s++ != '>') return NULL;
    return n ? s : NULL;
}

static const char *read_int(const char *s, int max, int *out) {
    if (!isdigit((unsigned char)*s)) return NULL;
    int value = 0;
    for (; isdigit((unsigned char)*s) && value <= max; s++) value = value * 10 + (*s - '0');
    *out = value;
    return value <= max ? s : NULL;
}

/* [+-]h[h[h]][:mm[:ss]] in seconds. */
static const char *read_time(const char *s, int *out) {
    int sign = *s == '-' ? -1 : 1, part[3] = {0};
    if (*s == '-' || *s == '+') s++;
    if (!(s = read_int(s, 167, &part[0]))) return NULL;
    for (int i = 1; i < 3 && *s == ':'; i++)
        if (!(s = read_int(s + 1, 59, &part[i]))) return NULL;
    *out = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
    return s;
}

static const char *read_week_rule(const char *s, struct rule_date *date) {
    if (!(s = read_int(s, 12, &date->month)) || *s++ != '.' || date->month < 1) return NULL;
    if (!(s = read_int(s, 5, &date->week)) || *s++ != '.' || date->week < 1) return NULL;
    return read_int(s, 6, &date->day);
}

static const char *read_date(const char *s, struct rule_date *date) {
    *date = (struct rule_date){.kind = *s == 'M' || *s == 'J' ? *s : 'D', .time_s = 2 * 3600};
    if (date->kind != 'D') s++;
    s = date->kind == 'M' ? read_week_rule(s, date) : read_int(s, 365, &date->day);
    return s && *s == '/' ? read_time(s + 1, &date->time_s) : s;
}

static bool read_rule(const char *s, struct rule *rule) {
    int west;
    if (!(s = read_name(s, rule->standard.abbreviation, sizeof rule->standard.abbreviation))) return false;
    if (!(s = read_time(s, &west))) return false;
    rule->standard.seconds = -west;
    if (!*s) return true;
    if (!(s = read_name(s, rule->summer.abbreviation, sizeof rule->summer.abbreviation))) return false;
    west -= 3600;
    if (*s != ',' && !(s = read_time(s, &west))) return false;
    rule->summer.seconds = -west;
    rule->summer.is_dst = rule->has_dst = true;
    if (*s != ',' || !(s = read_date(s + 1, &rule->from)) || *s != ',') return false;
    s = read_date(s + 1, &rule->to);
    return s && !*s;
}

/* Days since 1970 of a date of the Gregorian calendar; month 1..12. */
static int64_t days_of(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int weekday(int64_t days) { return (int)(((days + 4) % 7 + 7) % 7); }

static bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int64_t week_rule_day(const struct rule_date *date, int64_t year) {
    int64_t first = days_of(year, date->month, 1);
    int64_t next = date->month == 12 ? days_of(year + 1, 1, 1) : days_of(year, date->month + 1, 1);
    int64_t day = first + (date->day - weekday(first) + 7) % 7 + (int64_t)(date->week - 1) * 7;
    return day >= next ? day - 7 : day;
}

/* Seconds since 1970 of the zone's clock at the change. */
static int64_t rule_second(const struct rule_date *date, int64_t year) {
    int64_t first = days_of(year, 1, 1), day;
    if (date->kind == 'M')
        day = week_rule_day(date, year);
    else if (date->kind == 'D')
        day = first + date->day;
    else
        day = first + date->day - 1 + (is_leap(year) && date->day >= 60);
    return day * DAY + date->time_s;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static struct tm wall_of(int64_t unix_s, int offset_s) {
    struct tm out = {0};
    time_t shifted = (time_t)(unix_s + offset_s);
    gmtime_r(&shifted, &out);
    out.tm_gmtoff = offset_s;
    out.tm_zone = NULL;
    return out;
}

static struct tz_offset by_rule(const struct rule *rule, int64_t unix_s) {
    if (!rule->has_dst) return rule->standard;
    int64_t year = wall_of(unix_s, rule->standard.seconds).tm_year + 1900;
    int64_t from = rule_second(&rule->from, year) - rule->standard.seconds;
    int64_t to = rule_second(&rule->to, year) - rule->summer.seconds;
    bool summer = from < to ? unix_s >= from && unix_s < to : unix_s >= from || unix_s < to;
    return summer ? rule->summer : rule->standard;
}

/* --- the table --- */

struct counts {
    size_t isut, isstd, leaps, times, types, chars;
};

static struct counts counts_at(const unsigned char *p) {
    return (struct counts){big32(p + 20), big32(p + 24), big32(p + 28), big32(p + 32), big32(p + 36), big32(p + 40)};
}

static bool counts_ok(const struct counts *c) {
    return c->times <= TIMES_MAX && c->types >= 1 && c->types <= TYPES_MAX && c->chars <= 512 && c->leaps <= 1024 &&
           c->isut <= TYPES_MAX && c->isstd <= TYPES_MAX;
}

static size_t block_bytes(const struct counts *c, size_t time_bytes) {
    return c->times * (time_bytes + 1) + c->types * 6 + c->chars + c->leaps * (time_bytes + 4) + c->isstd + c->isut;
}

static bool header_ok(const unsigned char *bytes, size_t len, size_t at, struct counts *c) {
    if (len < at + HEADER || memcmp(bytes + at, "TZif", 4) || bytes[at + 4] < '2') return false;
    *c = counts_at(bytes + at);
    return counts_ok(c);
}

static bool read_table(struct tz *zone, const unsigned char *p, const struct counts *c) {
    const unsigned char *types = p + c->times * 9, *chars = types + c->types * 6;
    zone->times_n = (int)c->times;
    zone->types_n = (int)c->types;
    for (size_t i = 0; i < c->times; i++) {
        zone->times[i] = big64(p + i * 8);
        zone->type_of[i] = p[c->times * 8 + i];
        if (zone->type_of[i] >= c->types || (i && zone->times[i] <= zone->times[i - 1])) return false;
    }
    for (size_t i = 0; i < c->types; i++) {
        const unsigned char *t = types + i * 6;
        zone->types[i].seconds = (int)big32(t);
        zone->types[i].is_dst = t[4];
        if (t[5] >= c->chars || abs(zone->types[i].seconds) > 26 * 3600) return false;
        snprintf(zone->types[i].abbreviation, sizeof zone->types[i].abbreviation, "%.*s", (int)(c->chars - t[5]),
                 chars + t[5]);
    }
    return true;
}

static bool read_footer(struct tz *zone, const unsigned char *p, size_t len) {
    char text[128];
    const unsigned char *end = len > 1 && p[0] == '\n' ? memchr(p + 1, '\n', len - 1) : NULL;
    if (!end || (size_t)(end - p) > sizeof text) return false;
    size_t n = (size_t)(end - p) - 1;
    memcpy(text, p + 1, n);
    text[n] = 0;
    zone->rule.present = n > 0;
    return !n || read_rule(text, &zone->rule);
}

/* A version 2+ file: a block of 32-bit times, stepped over, then one of 64-bit times and the rule. */
static bool read_tzif(struct tz *zone, const unsigned char *bytes, size_t len) {
    struct counts c;
    if (!header_ok(bytes, len, 0, &c)) return false;
    size_t second = HEADER + block_bytes(&c, 4);
    if (!header_ok(bytes, len, second, &c)) return false;
    size_t table = second + HEADER, footer = table + block_bytes(&c, 8);
    return footer < len && read_table(zone, bytes + table, &c) && read_footer(zone, bytes + footer, len - footer);
}

struct tz *tz_open(const char *name) {
    if (!name_ok(name)) return NULL;
    struct tz *zone = calloc(1, sizeof *zone);
    unsigned char *bytes = malloc(FILE_MAX);
    size_t len = zone && bytes ? read_zone(name, bytes) : 0;
    bool good = len && read_tzif(zone, bytes, len);
    free(bytes);
    if (!good && zone && !strcmp(name, "UTC")) {
        *zone = (struct tz){.types_n = 1, .types[0].abbreviation = "UTC"};
        good = true;
    }
    if (good) return zone;
    free(zone);
    return NULL;
}

void tz_close(struct tz *zone) { free(zone); }

void tz_cleanup(struct tz **zone) { tz_close(*zone); }

bool tz_valid(const char *name) {
    struct tz *zone = tz_open(name);
    tz_close(zone);
    return zone != NULL;
}

struct tz_offset tz_offset_at(const struct tz *zone, int64_t unix_s) {
    if (zone->rule.present && (!zone->times_n || unix_s >= zone->times[zone->times_n - 1]))
        return by_rule(&zone->rule, unix_s);
    int low = 0, high = zone->times_n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (zone->times[middle] <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    return zone->types[low ? zone->type_of[low - 1] : 0];
}

struct tm tz_local(const struct tz *zone, int64_t unix_s) {
    return wall_of(unix_s, tz_offset_at(zone, unix_s).seconds);
}

int64_t tz_to_unix(const struct tz *zone, const struct tm *wall) {
    int64_t month = (int64_t)wall->tm_year * 12 + wall->tm_mon, year = floor_div(month, 12);
    int64_t days = days_of(year + 1900, (int)(month - year * 12) + 1, 1) + wall->tm_mday - 1;
    int64_t clock = days * DAY + (int64_t)wall->tm_hour * 3600 + (int64_t)wall->tm_min * 60 + wall->tm_sec;
    int before = tz_offset_at(zone, clock - DAY).seconds, after = tz_offset_at(zone, clock + DAY).seconds;
    int64_t early = clock - (before > after ? before : after), late = clock - (before > after ? after : before);
    bool early_fits = early + tz_offset_at(zone, early).seconds == clock;
    if (early_fits) return early;
    return late + tz_offset_at(zone, late).seconds == clock ? late : clock - before;
}
