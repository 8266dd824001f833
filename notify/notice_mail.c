#include "notify/notice_mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/tz.h"
#include "reports/pdf_labels.h"

enum { TEXT_MAX_BYTES = 300, MAIL_MAX_BYTES = 256 * 1024 };

static const struct {
    const char *one_en, *many_en, *ja, *head_en, *head_ja;
} WORDS[NOTICE_KINDS] = {
    [NOTICE_RESPONSE] = {"response to decide", "responses to decide", "承認待ちの対応措置 %lld 件",
                         "Responses that wait for your decision", "承認待ちの対応措置"},
    [NOTICE_INCIDENT] = {"new incident", "new incidents", "新規インシデント %lld 件", "New incidents",
                         "新規インシデント"},
    [NOTICE_STATUS] = {"change of status", "changes of status", "ステータス変更 %lld 件", "Changes of status",
                       "ステータスの変更"},
    [NOTICE_COMMENT] = {"new comment", "new comments", "新しいコメント %lld 件", "Comments", "コメント"},
};

static bool japanese(const struct notice_mail *mail) { return !strcmp(mail->language, "ja"); }

/* On one line, cut between characters. */
static void add_text(struct buf *b, const char *text) {
    size_t len = strlen(text), n = len < TEXT_MAX_BYTES ? len : TEXT_MAX_BYTES;
    while (n && n < len && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
    for (size_t i = 0; i < n; i++) buf_addc(b, (unsigned char)text[i] < ' ' || text[i] == 0x7F ? ' ' : text[i]);
    if (n < len) buf_adds(b, "...");
}

static void add_time(struct buf *b, int64_t ms, const struct tz *zone) {
    struct tm t = tz_local(zone, ms / 1000);
    struct tz_offset offset = tz_offset_at(zone, ms / 1000);
    buf_addf(b, "%04d-%02d-%02d %02d:%02d ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min);
    if (offset.abbreviation[0] >= 'A')
        buf_adds(b, offset.abbreviation);
    else
        buf_addf(b, "UTC%+03d:%02d", offset.seconds / 3600, abs(offset.seconds) / 60 % 60);
}

/* "2026-11-22 18:00 JST (2026-11-22 09:00 UTC)" */
static void add_both_times(struct buf *b, int64_t ms, const char *timezone) {
    scope_tz struct tz *utc = tz_open("UTC");
    scope_tz struct tz *zone = tz_open(timezone);
    if (!utc) return;
    if (!zone || !strcmp(timezone, "UTC")) {
        add_time(b, ms, utc);
        return;
    }
    add_time(b, ms, zone);
    buf_adds(b, " (");
    add_time(b, ms, utc);
    buf_addc(b, ')');
}

/* ---- the subject ---- */

static void add_count(struct buf *b, const struct notice_mail *mail, enum notice_kind kind) {
    long long n = mail->totals[kind];
    if (!n) return;
    if (b->len) buf_adds(b, japanese(mail) ? "、" : ", ");
    if (japanese(mail))
        buf_addf(b, WORDS[kind].ja, n);
    else
        buf_addf(b, "%lld %s", n, n == 1 ? WORDS[kind].one_en : WORDS[kind].many_en);
}

static const char *subject(struct arena *arena, const struct notice_mail *mail) {
    scope_buf struct buf b;
    buf_init(&b, 1024);
    for (int kind = 0; kind < NOTICE_KINDS; kind++) add_count(&b, mail, (enum notice_kind)kind);
    if (mail->n != 1) return arena_printf(arena, "[MDR] %s", buf_text(&b));
    const struct notice *only = &mail->list[0];
    return arena_printf(arena, japanese(mail) ? "[MDR] %s: K-%lld（優先度 %s）" : "[MDR] %s: K-%lld (%s priority)",
                        buf_text(&b), (long long)only->number, pdf_value(only->priority, japanese(mail)));
}

/* ---- the text ---- */

static void add_what(struct buf *b, const struct notice_mail *mail, const struct notice *notice) {
    bool ja = japanese(mail);
    switch (notice->kind) {
    case NOTICE_RESPONSE:
        buf_addf(b, "  %s  ", pdf_value(notice->type, ja));
        if (!notice->until_ms) break;
        buf_adds(b, ja ? "承認期限: " : "decide until ");
        add_both_times(b, notice->until_ms, mail->timezone);
        break;
    case NOTICE_STATUS: buf_addf(b, "  %s", pdf_value(notice->status, ja)); break;
    case NOTICE_INCIDENT:
    case NOTICE_COMMENT:
    case NOTICE_KINDS: break;
    }
}

static void add_details(struct buf *b, const struct notice *notice) {
    const char *const parts[] = {notice->tenant, notice->host, notice->by};
    const char *separator = "\n    ";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i] || !*parts[i]) continue;
        buf_adds(b, separator);
        add_text(b, parts[i]);
        separator = ", ";
    }
    if (!notice->text || !*notice->text) return;
    buf_adds(b, "\n    ");
    add_text(b, notice->text);
}

static void add_notice(struct buf *b, const struct notice_mail *mail, const struct notice *notice) {
    buf_addf(b, "- K-%lld  [%s]", (long long)notice->number, pdf_value(notice->priority, japanese(mail)));
    add_what(b, mail, notice);
    if (mail->extended) add_details(b, notice);
    buf_addc(b, '\n');
}

static void add_kind(struct buf *b, const struct notice_mail *mail, enum notice_kind kind) {
    long long all = mail->totals[kind], listed = 0;
    if (!all) return;
    buf_addf(b, "\n%s (%lld)\n", japanese(mail) ? WORDS[kind].head_ja : WORDS[kind].head_en, all);
    for (size_t i = 0; i < mail->n; i++) {
        if (mail->list[i].kind != kind) continue;
        add_notice(b, mail, &mail->list[i]);
        listed++;
    }
    if (listed < all) buf_addf(b, japanese(mail) ? "- 他 %lld 件\n" : "- and %lld more\n", all - listed);
}

struct notice_words notice_words(struct arena *arena, const struct notice_mail *mail) {
    bool ja = japanese(mail);
    scope_buf struct buf b;
    buf_init(&b, MAIL_MAX_BYTES);
    add_text(&b, mail->organisation);
    buf_addc(&b, '\n');
    for (int kind = 0; kind < NOTICE_KINDS; kind++) add_kind(&b, mail, (enum notice_kind)kind);
    buf_addf(&b,
             ja ? "\n詳細の確認と承認はコンソールで行ってください:\n%s\n" : "\nRead and decide in the console:\n%s\n",
             mail->url);
    return (struct notice_words){subject(arena, mail), arena_strdup(arena, buf_text(&b))};
}
