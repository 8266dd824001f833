#include "reports/pdf_labels.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *en, *ja;
} LABEL[LABELS] = {
#define X(name, en, ja) {en, ja},
    PDF_LABELS(X)
#undef X
};

static const struct {
    const char *value, *en, *ja;
} VALUES[] = {
    {"HIGH", "High", "高"},
    {"NORMAL", "Medium", "中"},
    {"LOW", "Low", "低"},
    {"Open", "Open", "オープン"},
    {"On hold", "On hold", "保留中"},
    {"Resolved", "Resolved", "解決済み"},
    {"Closed", "Closed", "クローズ"},
    {"False positive", "False positive", "誤検知"},
    {"True positive", "True positive", "真の脅威"},
    {"Other", "Other", "その他"},
    {"Service", "Security team", "セキュリティチーム"},
    {"Client", "Customer", "お客様"},
    {"New", "Awaiting decision", "承認待ち"},
    {"Confirmed", "Accepted", "承認済み"},
    {"Declined", "Declined", "却下"},
    {"OK", "OK", "正常"},
    {"WARNING", "Warning", "警告"},
    {"CRITICAL", "Critical", "重大"},
    {"OFFLINE", "Offline", "オフライン"},
    {"ABSENT", "Absent", "不在"},
    {"pending", "pending", "実行待ち"},
    {"leased", "handed out", "引渡し済み"},
    {"running", "running", "実行中"},
    {"succeeded", "succeeded", "成功"},
    {"failed", "failed", "失敗"},
    {"expired", "expired", "期限切れ"},
    {"unknown", "unknown", "不明"},
    {"cancelled", "cancelled", "取消し"},
    {"GET_FILE", "Get file", "ファイルの取得"},
    {"ISOLATE_HOST", "Isolate host from the network", "ホストのネットワーク隔離"},
    {"RELEASE_HOST", "Release host from isolation", "ホストの隔離解除"},
    {"QUARANTINE_FILE", "Quarantine file", "ファイルの隔離"},
    {"RESTORE_FILE", "Restore file from quarantine", "隔離ファイルの復元"},
    {"DELETE_FILE", "Delete file", "ファイルの削除"},
    {"DELETE_REGISTRY_KEY", "Delete registry key", "レジストリキーの削除"},
    {"MEMORY_DUMP", "Take memory dump", "メモリダンプの取得"},
    {"KILL_PROCESS", "Terminate process", "プロセスの終了"},
    {"START_PROCESS", "Start process", "プロセスの起動"},
    {"RUN_SCRIPT", "Run script", "スクリプトの実行"},
    {"PREVENT_EXECUTION", "Prevent execution", "実行の禁止"},
    {"ALLOW_EXECUTION", "Allow execution", "実行の許可"},
    {"IOC_SCAN", "IOC scan", "IOC スキャン"},
    {"md5", "MD5", "MD5"},
    {"sha1", "SHA-1", "SHA-1"},
    {"sha256", "SHA-256", "SHA-256"},
    {"file_path", "File path", "ファイルパス"},
    {"registry_key", "Registry key", "レジストリキー"},
    {"process", "Process", "プロセス"},
    {"ip", "IP address", "IP アドレス"},
    {"domain", "Domain", "ドメイン"},
    {"url", "URL", "URL"},
    {"email", "E-mail", "メールアドレス"},
};

const char *pdf_label(enum pdf_label label, bool japanese) { return japanese ? LABEL[label].ja : LABEL[label].en; }

const char *pdf_value(const char *value, bool japanese) {
    for (size_t i = 0; value && i < sizeof VALUES / sizeof *VALUES; i++)
        if (!strcmp(value, VALUES[i].value)) return japanese ? VALUES[i].ja : VALUES[i].en;
    return value ? value : "";
}
