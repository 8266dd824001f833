/* The words of the PDF in English and Japanese: one table for its own words, one for the values of an incident. */
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
