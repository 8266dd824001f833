/* The words of the PDFs in English and Japanese: one table for their own words, one for the values of incidents,
 * responses and assets. */
#ifndef REPORTS_PDF_LABELS_H
#define REPORTS_PDF_LABELS_H

#include <stdbool.h>

#define PDF_LABELS(X)                                                                                                  \
    X(TITLE, "Security incident report", "セキュリティインシデント報告書")                                             \
    X(PAGE, "Page", "ページ")                                                                                          \
    X(GENERATED, "Generated", "作成日時")                                                                              \
    X(TIMES_IN, "Times in", "時刻のタイムゾーン")                                                                      \
    X(STATUS, "Status", "ステータス")                                                                                  \
    X(PRIORITY, "Priority", "優先度")                                                                                  \
    X(RESOLUTION, "Resolution", "判定結果")                                                                            \
    X(ORIGIN, "Origin", "起票元")                                                                                      \
    X(TENANT, "Tenant", "テナント")                                                                                    \
    X(ORGANISATION, "Organization", "組織")                                                                            \
    X(DETECTED, "Detected", "検知日時")                                                                                \
    X(CREATED, "Created", "作成")                                                                                      \
    X(UPDATED, "Updated", "最終更新")                                                                                  \
    X(HOSTS, "Affected hosts", "影響を受けたホスト")                                                                   \
    X(TACTICS, "MITRE tactics", "MITRE 戦術")                                                                          \
    X(TECHNIQUES, "MITRE techniques", "MITRE 手法")                                                                    \
    X(TECHNOLOGY, "Detection technology", "検知技術")                                                                  \
    X(STAGE, "Attack stage", "攻撃段階")                                                                               \
    X(DESCRIPTION, "Description", "説明")                                                                              \
    X(CLIENT_DESCRIPTION, "Description by the customer", "お客様による説明")                                           \
    X(RECOMMENDATIONS, "Recommendations", "推奨事項")                                                                  \
    X(STATUS_DESCRIPTION, "Conclusion", "ステータスの説明")                                                            \
    X(HOST_IOCS, "Host-based indicators", "ホストベースの IOC")                                                        \
    X(NETWORK_IOCS, "Network-based indicators", "ネットワークベースの IOC")                                            \
    X(IOC_TYPE, "Type", "種類")                                                                                        \
    X(IOC_VALUE, "Value", "値")                                                                                        \
    X(IOC_DESCRIPTION, "Description", "説明")                                                                          \
    X(RESPONSES, "Response actions", "レスポンス（対応措置）")                                                         \
    X(ASSET, "Asset", "対象資産")                                                                                      \
    X(PARAMETERS, "Parameters", "パラメータ")                                                                          \
    X(COMMENT, "Comment", "コメント")                                                                                  \
    X(PROPOSED, "Proposed", "提案日時")                                                                                \
    X(DECIDED, "Decided", "決定日時")                                                                                  \
    X(DECIDED_BY, "Decided by", "決定者")                                                                              \
    X(EXECUTION, "Execution", "実行結果")                                                                              \
    X(CHAT, "Communication", "コミュニケーション履歴")                                                                 \
    X(ATTACHMENT, "Attachment", "添付ファイル")                                                                        \
    X(PERIOD_TITLE, "Security report", "セキュリティ定期レポート")                                                     \
    X(DAILY, "Daily report", "日次レポート")                                                                           \
    X(WEEKLY, "Weekly report", "週次レポート")                                                                         \
    X(MONTHLY, "Monthly report", "月次レポート")                                                                       \
    X(PERIOD, "Period", "対象期間")                                                                                    \
    X(SCHEDULE, "Schedule", "スケジュール")                                                                            \
    X(TENANTS, "Tenants", "テナント")                                                                                  \
    X(ALL_TENANTS, "All tenants", "すべてのテナント")                                                                  \
    X(ROOT, "No tenant", "テナントなし")                                                                               \
    X(INCIDENTS, "Incidents", "インシデント")                                                                          \
    X(INCIDENTS_NOTE, "Incidents created in the period, with their status and resolution as of now.",                  \
      "対象期間中に作成されたインシデントと、現時点でのステータスおよび判定結果です。")                                \
    X(INCIDENT_LIST, "List of incidents", "インシデント一覧")                                                          \
    X(NO_INCIDENTS, "No incidents were created in this period.", "対象期間中に作成されたインシデントはありません。")   \
    X(AND_MORE, "... and %s more; the full list is in the console.", "…他 %s 件。全件はコンソールでご確認ください。")  \
    X(ASSETS, "Assets by status", "資産のステータス")                                                                  \
    X(ASSETS_NOTE, "Assets: %s, as of %s.", "資産数 %s（%s 現在）")                                                    \
    X(RESPONSES_NOTE, "Response actions proposed in the period: %s; awaiting a decision: %s.",                         \
      "対象期間中に提案された対応措置は %s 件、うち %s 件が承認待ちです。")                                            \
    X(BY_PEOPLE, "People", "担当者")                                                                                   \
    X(BY_RULES, "Automatic rules and settings", "自動承認（ルール・設定）")                                            \
    X(BY_DEADLINE, "Deadline passed", "期限切れ")                                                                      \
    X(TOTAL, "Total", "合計")                                                                                          \
    X(NUMBER, "Number", "番号")                                                                                        \
    X(SUMMARY, "Summary", "概要")                                                                                      \
    X(HOSTS_SHORT, "Hosts", "ホスト")                                                                                  \
    X(TILE_INCIDENTS, "Incidents", "インシデント")                                                                     \
    X(TILE_HIGH, "High priority", "優先度「高」")                                                                      \
    X(TILE_OPEN, "Not resolved yet", "未解決")                                                                         \
    X(TILE_WAITING, "Responses to decide", "承認待ちの対応措置")                                                       \
    X(SHORTENED, "The report was shortened; the full content is in the console.",                                      \
      "レポートは途中で省略されています。全文はコンソールでご確認ください。")                                          \
    X(TEXT_CUT, "[... shortened]", "［…以下省略］")

enum pdf_label {
#define X(name, en, ja) LABEL_##name,
    PDF_LABELS(X)
#undef X
        LABELS
};

const char *pdf_label(enum pdf_label label, bool japanese);

/* "HIGH" -> "High" or "高": priorities, statuses, resolutions, origins, response types, IOC types. Unknown ones stay
 * as they are. */
const char *pdf_value(const char *value, bool japanese);

#endif
