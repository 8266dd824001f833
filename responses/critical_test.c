#include "responses/critical.h"

#include "build/gen/operations.h"
#include "tests/unit.h"

enum { ANY = SYSTEM_WINDOWS | SYSTEM_LINUX | SYSTEM_MACOS };

static void expect(bool wanted, unsigned systems, enum critical_act act, const char *path) {
    if (critical_path(systems, act, path) == wanted) return;
    fail_msg("%s should %sbe critical", path, wanted ? "" : "not ");
}

static void test_windows_core(void **state) {
    (void)state;
    static const char *const paths[] = {
        "C:\\Windows\\System32\\svchost.exe",
        "c:\\windows\\SYSTEM32\\SVCHOST.EXE",
        "C:/Windows/System32/svchost.exe",
        "\\\\?\\C:\\Windows\\System32\\lsass.exe",
        "\\\\.\\C:\\Windows\\System32\\lsass.exe",
        "\\??\\C:\\Windows\\System32\\csrss.exe",
        "%SystemRoot%\\System32\\smss.exe",
        "%WINDIR%\\system32\\winlogon.exe",
        "%SystemDrive%\\Windows\\System32\\lsass.exe",
        "\\SystemRoot\\System32\\smss.exe",
        "\\Device\\HarddiskVolume3\\Windows\\System32\\services.exe",
        "\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy1\\Windows\\System32\\lsass.exe",
        "\\\\?\\Volume{b75e2c83-0000-0000-0000-602f00000000}\\Windows\\System32\\lsass.exe",
        "\\\\localhost\\c$\\Windows\\System32\\lsass.exe",
        "\\\\127.0.0.1\\ADMIN$\\System32\\lsass.exe",
        "\\\\?\\UNC\\server\\C$\\Windows\\System32\\lsass.exe",
        "C:\\Windows\\System32\\svchost.exe.",
        "C:\\Windows\\System32\\svchost.exe. . ",
        "C:\\Windows.\\System32 \\svchost.exe",
        "C:\\Windows\\System32\\svchost.exe::$DATA",
        "C:\\Windows\\Temp\\..\\System32\\svchost.exe",
        "C:\\Users\\..\\Windows\\.\\System32\\\\svchost.exe",
        "C:\\..\\..\\Windows\\System32\\svchost.exe",
        "C:\\WINDOW~1\\System32\\svchost.exe",
        "C:\\Windows\\SYSTEM~1\\svchost.exe",
        "D:\\Windows\\SysWOW64\\svchost.exe",
        "C:\\Windows\\Sysnative\\lsass.exe",
        "C:Windows\\System32\\svchost.exe",
        "\\Windows\\System32\\svchost.exe",
        "Windows\\System32\\svchost.exe",
        "System32\\svchost.exe",
        "svchost.exe",
        "C:\\Windows\\*\\svchost.exe",
        "*\\svchost.exe",
        "C:\\Windows\\System32\\svch*.exe",
        "C:\\W?ndows\\System32\\lsass.exe",
        "%FOO%\\System32\\svchost.exe",
        "\"C:\\Windows\\System32\\svchost.exe\"",
        "C:\\W\xC4\xB1ndows\\System32\\lsass.exe",
        "C:\\Program Files\\Kaspersky Lab\\KES\\avp.exe",
        "C:\\PROGRA~1\\KASPER~1\\KES\\avp.exe",
        "%ProgramFiles(x86)%\\Kaspersky Lab\\NetworkAgent\\klnagent.exe",
        "C:\\ProgramData\\Kaspersky Lab\\KES\\Bases\\x.dat",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        expect(true, SYSTEM_WINDOWS, CRITICAL_KILL, paths[i]);
        expect(true, SYSTEM_WINDOWS, CRITICAL_FILE, paths[i]);
        expect(true, ANY, CRITICAL_FILE, paths[i]);
    }
}

static void test_windows_files(void **state) {
    (void)state;
    static const char *const paths[] = {
        "C:\\Windows\\System32\\ntoskrnl.exe",
        "C:\\Windows\\System32\\ntdll.dll",
        "C:\\Windows\\System32\\drivers\\ntfs.sys",
        "C:\\Windows\\System32\\DRIVERS\\klif.sys",
        "C:\\Windows\\System32\\config\\SYSTEM",
        "C:\\bootmgr",
        "C:\\Windows\\explorer.exe",
        "C:\\Windows\\WinSxS\\amd64_x\\y.dll",
        "C:\\EFI\\Microsoft\\Boot\\bootmgfw.efi",
        "C:\\",
        "C:",
        "\\",
        "C:\\Windows",
        "C:\\Windows\\System32",
        "C:\\Windows\\System32\\drivers",
        "C:\\Program Files",
        "C:\\Users",
        "C:\\Windows\\System32\\cmd.exe",
        "C:\\Windows\\NTDS\\ntds.dit",
        "%ComSpec%",
        "C:\\ProgramData\\Microsoft\\Windows Defender\\x",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) expect(true, SYSTEM_WINDOWS, CRITICAL_FILE, paths[i]);
    expect(false, SYSTEM_WINDOWS, CRITICAL_KILL, "C:\\Windows\\System32\\cmd.exe");
    expect(false, SYSTEM_WINDOWS, CRITICAL_KILL, "C:\\Windows\\System32\\rundll32.exe");
    expect(false, SYSTEM_WINDOWS, CRITICAL_KILL, "C:\\Windows\\explorer.exe");
}

static void test_windows_ordinary(void **state) {
    (void)state;
    static const char *const paths[] = {
        "C:\\temp\\svchost.exe",
        "C:\\Users\\Public\\svch0st.exe",
        "C:\\Users\\x\\AppData\\Local\\Temp\\lsass.exe",
        "C:\\Windows\\System32\\..\\..\\temp\\svchost.exe",
        "C:\\Windows\\System32\\evil.exe",
        "C:\\Windows\\Temp\\svchost.exe",
        "C:\\Windows\\svchost.exe",
        "%TEMP%\\svchost.exe",
        "%APPDATA%\\x.exe",
        "%Public%\\svchost.exe",
        "C:\\Users\\*\\Downloads\\x.exe",
        "C:\\Windows\\System32\\drivers\\evil.sys",
        "C:\\Windows\\System32\\config\\systemprofile\\AppData\\x.exe",
        "C:\\Program Files\\7-Zip\\7z.exe",
        "C:\\ProgramData\\evil.dll",
        "evil.exe",
        "Temp\\svchost.exe",
        "\\\\server\\share\\x.exe",
        "C:\\Windows\\System32\\svchost.exe.txt",
        "C:\\Windows\\System32x\\svchost.exe",
        "C:\\USERS~1\\x.exe",
        "D:\\100%.exe",
        "C:\\Users\\\xE5\xB1\xB1\xE7\x94\xB0\\\xE8\xA3\xBD\xE5\x93\x81.exe",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        expect(false, SYSTEM_WINDOWS, CRITICAL_KILL, paths[i]);
        expect(false, SYSTEM_WINDOWS, CRITICAL_FILE, paths[i]);
    }
    expect(false, ANY, CRITICAL_FILE, "C:\\temp\\svchost.exe");
}

static void test_linux(void **state) {
    (void)state;
    static const char *const bad[] = {
        "/sbin/init",
        "/usr/sbin/init",
        "//sbin/./init",
        "/tmp/../sbin/init",
        "/lib/systemd/systemd",
        "/usr/lib/systemd/systemd-logind",
        "/usr/bin/dbus-daemon",
        "/proc/1/exe",
        "/proc/self/root/sbin/init",
        "init",
        "/opt/kaspersky/kesl/libexec/kesl",
        "/boot/vmlinuz-6.1",
    };
    static const char *const bad_files[] = {
        "/",
        "/etc",
        "/etc/passwd",
        "/etc/shadow",
        "/bin/sh",
        "/usr/bin/bash",
        "/bin",
        "/usr",
        "/lib/ld-linux.so.2",
        "/lib64/ld-linux-x86-64.so.2",
        "/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
        "/lib/modules/6.1/kernel/x.ko",
        "/etc/pam.d/sshd",
        "/home",
        "/var",
        "/usr/bin/[",
    };
    static const char *const good[] = {"/tmp/init",
                                       "/home/a/.cache/sh",
                                       "/var/www/html/shell.php",
                                       "/opt/app/bin/sh",
                                       "/usr/local/bin/bash",
                                       "/etc/cron.d/evil",
                                       "/usr/bin/xmrig",
                                       "/tmp/passwd",
                                       "/SBIN/INIT",
                                       "/dev/../tmp/x",
                                       "xmrig"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(true, SYSTEM_LINUX, CRITICAL_KILL, bad[i]);
        expect(true, SYSTEM_LINUX, CRITICAL_FILE, bad[i]);
    }
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++)
        expect(true, SYSTEM_LINUX, CRITICAL_FILE, bad_files[i]);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) expect(false, SYSTEM_LINUX, CRITICAL_FILE, good[i]);
    expect(false, SYSTEM_LINUX, CRITICAL_KILL, "/bin/bash");
}

static void test_macos(void **state) {
    (void)state;
    static const char *const bad[] = {"/sbin/launchd",
                                      "/SBIN/Launchd",
                                      "/System/Library/CoreServices/loginwindow.app",
                                      "/usr/lib/dyld",
                                      "/System/Volumes/Data/usr/libexec/xpcproxy",
                                      "/Library/Application Support/Kaspersky Lab/KAV/x",
                                      "/Volumes/Macintosh HD/sbin/launchd",
                                      "/private/../sbin/launchd"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect(true, SYSTEM_MACOS, CRITICAL_KILL, bad[i]);
    expect(true, SYSTEM_MACOS, CRITICAL_FILE, "/private/etc/master.passwd");
    expect(true, SYSTEM_MACOS, CRITICAL_FILE, "/bin/zsh");
    expect(false, SYSTEM_MACOS, CRITICAL_FILE, "/Users/a/Library/LaunchAgents/evil.plist");
    expect(false, SYSTEM_MACOS, CRITICAL_FILE, "/tmp/launchd");
    expect(false, SYSTEM_MACOS, CRITICAL_FILE, "/Applications/Evil.app");
}

static void test_long_and_odd(void **state) {
    (void)state;
    static char dots[32768 * 3], slashes[131068];
    for (size_t i = 0; i + 3 < sizeof dots; i += 3) memcpy(dots + i, "a\\\\", 4);
    memset(slashes, '/', sizeof slashes - 1);
    expect(false, ANY, CRITICAL_FILE, dots);
    expect(true, ANY, CRITICAL_FILE, slashes);
    expect(true, ANY, CRITICAL_FILE, "");
    expect(true, ANY, CRITICAL_FILE, " ");
    assert_true(critical_pid(0) && critical_pid(1) && critical_pid(4));
    assert_false(critical_pid(2) || critical_pid(4242));
}

static void key(bool wanted, const char *name, const char *value) {
    if (critical_registry(name, value) == wanted) return;
    fail_msg("%s value %s should %sbe critical", name, value ? value : "(whole key)", wanted ? "" : "not ");
}

static void test_registry(void **state) {
    (void)state;
    static const char *const bad[] = {
        "HKLM",
        "HKEY_LOCAL_MACHINE\\",
        "HKLM\\SYSTEM",
        "HKLM\\SYSTEM\\CurrentControlSet",
        "HKEY_LOCAL_MACHINE\\system\\currentcontrolset\\Services",
        "HKLM:\\SYSTEM\\ControlSet001\\Control",
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager",
        "\\Registry\\Machine\\SYSTEM",
        "Registry::HKEY_LOCAL_MACHINE\\SAM",
        "Computer\\HKEY_LOCAL_MACHINE\\SECURITY",
        "HKLM\\BCD00000000\\Objects",
        "HKLM\\SOFTWARE",
        "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon",
        "HKLM\\SYSTEM\\CurrentControlSet\\Services\\RpcSs\\Parameters",
        "HKLM\\SYSTEM\\CurrentControlSet\\Services\\klif",
        "HKLM\\SOFTWARE\\Wow6432Node\\KasperskyLab\\Components",
        "HKLM\\SOFTWARE\\KasperskyLab",
        "HKU\\S-1-5-18",
        "HKCR",
        "HKCR\\exefile",
        "SYSTEM\\CurrentControlSet\\Control",
        "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion",
        "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon\\Userinit",
        "HKLM/SYSTEM/Select",
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) key(true, bad[i], NULL);
    key(true, "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon", "Shell");
    key(true, "HKLM\\SYSTEM\\Select", "Current");
    key(true, "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa", "Authentication Packages");
    key(true, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\tcpip\\Parameters", "x");
    key(false, "HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\System", NULL);
    key(false, "HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows\\CurrentVersion\\Run", "System");
    key(false, "HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run", "x");
    key(false, "HKCU\\Software\\Evil", NULL);
    key(false, "HKLM\\SYSTEM\\CurrentControlSet\\Services\\EvilSvc", NULL);
    key(false, "HKLM\\SOFTWARE\\Evil", NULL);
    key(false, "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options\\sethc.exe", NULL);
    key(false, "HKU\\S-1-5-21-1\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\x", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_core),
        cmocka_unit_test(test_windows_files),
        cmocka_unit_test(test_windows_ordinary),
        cmocka_unit_test(test_linux),
        cmocka_unit_test(test_macos),
        cmocka_unit_test(test_long_and_odd),
        cmocka_unit_test(test_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
