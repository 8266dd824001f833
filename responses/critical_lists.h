/* The lists of critical.c: components separated by '/', lower case (Linux: as they are), '*' matches within a
 * component. A rule covers every name in every folder; TREE also what lies below, KILL also processes that run from
 * it. */
#ifndef RESPONSES_CRITICAL_LISTS_H
#define RESPONSES_CRITICAL_LISTS_H

#include "build/gen/operations.h"

enum { FILE_ONLY = 0, KILL = 1, TREE = 2 };

struct critical_rule {
    enum system system;
    int flags;
    const char *const *folders, *const *names; /* each ended by NULL */
};

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct critical_rule critical_rules[] = {
    {SYSTEM_WINDOWS, KILL, LIST("windows/system32", "windows/syswow64", "windows/sysnative"),
     LIST("smss.exe", "csrss.exe", "wininit.exe", "winlogon.exe", "services.exe", "lsass.exe", "lsaiso.exe", "lsm.exe",
          "svchost.exe", "fontdrvhost.exe", "dwm.exe", "ntoskrnl.exe", "vmms.exe", "vmcompute.exe", "dfsrs.exe",
          "dns.exe", "ismserv.exe", "clussvc.exe")},
    {SYSTEM_WINDOWS, FILE_ONLY, LIST("windows/system32", "windows/syswow64", "windows/sysnative"),
     LIST("ntkrnl*.exe", "hal.dll", "kd*.dll", "ntdll.dll", "kernel32.dll", "kernelbase.dll", "user32.dll",
          "win32*.dll", "win32k*.sys", "gdi32*.dll", "advapi32.dll", "rpcrt4.dll", "rpcss.dll", "sechost.dll",
          "msvcrt.dll", "msvcp_win.dll", "ucrtbase.dll", "combase.dll", "ole32.dll", "oleaut32.dll", "shell32.dll",
          "shlwapi.dll", "shcore.dll", "ws2_32.dll", "mswsock.dll", "crypt32.dll", "cryptsp.dll", "bcrypt*.dll",
          "ncrypt*.dll", "imm32.dll", "setupapi.dll", "cfgmgr32.dll", "ci.dll", "pshed.dll", "bootvid.dll", "clfs.sys",
          "winload.*", "winresume.*", "winlogonext.dll", "userinit.exe", "logonui.exe", "conhost.exe", "dllhost.exe",
          "taskhost*.exe", "rundll32.exe", "regsvr32.exe", "cmd.exe", "msiexec.exe", "consent.exe", "sihost.exe",
          "runtimebroker.exe", "spoolsv.exe", "explorer.exe", "lsasrv.dll", "samsrv.dll", "kerberos.dll", "msv1_0.dll",
          "schannel.dll", "netlogon.dll", "ntdsa*.dll", "wldap32.dll", "umpnpmgr.dll", "sxs*.dll", "wow64*.dll",
          "wintrust.dll", "profapi.dll", "profsvc.dll", "wbem", "drivers", "codeintegrity")},
    {SYSTEM_WINDOWS, FILE_ONLY, LIST("windows/system32/drivers"),
     LIST("acpi*.sys", "afd.sys", "ahcache.sys", "ataport.sys", "atapi.sys", "bam.sys", "classpnp.sys", "clfs.sys",
          "cng.sys", "condrv.sys", "disk.sys", "dumpfve.sys", "dxgkrnl.sys", "fastfat.sys", "fileinfo.sys",
          "fltmgr.sys", "fvevol.sys", "hid*.sys", "http.sys", "i8042prt.sys", "iastor*.sys", "intelppm.sys",
          "iorate.sys", "kbd*.sys", "ks*.sys", "megasas*.sys", "mou*.sys", "mountmgr.sys", "mrxsmb*.sys", "msrpc.sys",
          "mup.sys", "ndis.sys", "ndu.sys", "netbt.sys", "netio.sys", "npfs.sys", "msfs.sys", "nsiproxy.sys",
          "ntfs.sys", "partmgr.sys", "pci*.sys", "pcw.sys", "pdc.sys", "pvscsi.sys", "rdbss.sys", "refs*.sys",
          "sp*.sys", "srv2.sys", "srvnet.sys", "stor*.sys", "tcpip.sys", "tdx.sys", "tm.sys", "tpm.sys", "usb*.sys",
          "ucx*.sys", "vdrvroot.sys", "vhd*.sys", "vio*.sys", "netkvm.sys", "vm*.sys", "vol*.sys", "wcifs.sys",
          "wd*.sys", "werkernel.sys", "wfplwfs.sys", "wof.sys", "winhv*.sys", "kl*.sys", "kneps.sys", "cm_km*.sys",
          "wdf*.sys")},
    {SYSTEM_WINDOWS, FILE_ONLY, LIST("windows/system32/config"),
     LIST("sam", "sam.log*", "security", "security.log*", "software", "software.log*", "system", "system.log*",
          "default", "default.log*", "components", "components.log*", "drivers", "drivers.log*", "bcd-template",
          "elam")},
    {SYSTEM_WINDOWS, FILE_ONLY, LIST("windows"),
     LIST("explorer.exe", "bootstat.dat", "fonts", "inf", "system.ini", "win.ini")},
    {SYSTEM_WINDOWS, FILE_ONLY, LIST(""),
     LIST("bootmgr", "bootnxt", "ntldr", "boot.ini", "ntdetect.com", "users", "system volume information")},
    {SYSTEM_WINDOWS, TREE, LIST("windows"), LIST("boot", "winsxs", "servicing", "ntds", "sysvol")},
    {SYSTEM_WINDOWS, TREE, LIST("windows/system32"),
     LIST("boot", "catroot", "catroot2", "codeintegrity", "driverstore")},
    {SYSTEM_WINDOWS, TREE, LIST(""), LIST("boot", "efi", "recovery")},
    {SYSTEM_WINDOWS, KILL | TREE,
     LIST("program files", "program files (x86)", "programdata", "program files/common files",
          "program files (x86)/common files", "programdata/microsoft"),
     LIST("kaspersky*", "windows defender*")},

    {SYSTEM_LINUX, KILL, LIST("bin", "sbin", "lib/systemd"),
     LIST("init", "systemd", "systemd-*", "udevd", "dbus-daemon", "dbus-broker*", "telinit", "upstart", "openrc*",
          "runit*")},
    {SYSTEM_LINUX, FILE_ONLY, LIST("bin", "sbin"),
     LIST("sh", "bash", "dash", "ash", "busybox", "login", "agetty", "getty", "su", "sudo", "mount", "umount", "passwd",
          "modprobe", "insmod", "kmod", "ldconfig", "fsck*", "ip", "ifup", "shutdown", "reboot", "halt", "poweroff",
          "cat", "ls", "cp", "mv", "rm", "chmod", "chown", "ln", "env", "id", "test", "[[]", "nologin", "unix_chkpwd",
          "cryptsetup", "lvm", "sshd", "journalctl", "systemctl", "loginctl", "NetworkManager")},
    {SYSTEM_LINUX, FILE_ONLY, LIST("lib", "lib32", "lib64", "libx32", "lib/*-linux-*", "lib64/*-linux-*"),
     LIST("ld-*", "ld.so*", "libc.so*", "libc-*", "libdl*", "libm.so*", "libm-*", "libpthread*", "librt*", "libresolv*",
          "libnss_*", "libpam*", "libselinux*", "libsystemd*", "libcrypt*", "libudev*", "libmount*", "libblkid*",
          "libaudit*", "libgcc_s*", "libstdc++*", "libpcre*", "libacl*", "libcap*", "libz.so*", "liblzma*", "libzstd*",
          "libtinfo*", "libreadline*")},
    {SYSTEM_LINUX, TREE, LIST("lib", "lib64", "lib32"), LIST("modules", "firmware", "systemd", "security", "udev")},
    {SYSTEM_LINUX, FILE_ONLY, LIST("etc"),
     LIST("passwd", "passwd-", "shadow", "shadow-", "group", "group-", "gshadow", "gshadow-", "sudoers", "fstab",
          "crypttab", "inittab", "hosts", "hostname", "nsswitch.conf", "resolv.conf", "ld.so.conf", "ld.so.cache",
          "login.defs", "securetty", "profile", "shells", "machine-id", "default", "ssh", "systemd", "init.d",
          "selinux", "ld.so.conf.d", "sudoers.d", "network", "netplan", "security", "cron.d", "ssl")},
    {SYSTEM_LINUX, TREE, LIST("etc"), LIST("pam.d", "pam.conf")},
    {SYSTEM_LINUX, KILL | TREE, LIST(""), LIST("proc", "sys", "dev", "boot")},
    {SYSTEM_LINUX, KILL | TREE, LIST("opt", "var/opt", "etc/opt", "lib"), LIST("kaspersky*")},
    {SYSTEM_LINUX, FILE_ONLY, LIST(""),
     LIST("home", "root", "run", "usr/local", "usr/share", "var/lib", "srv", "mnt", "media")},

    {SYSTEM_MACOS, KILL, LIST("sbin"), LIST("launchd")},
    {SYSTEM_MACOS, KILL | TREE, LIST(""), LIST("system", "dev", "cores")},
    {SYSTEM_MACOS, KILL | TREE, LIST("usr"), LIST("lib", "libexec")},
    {SYSTEM_MACOS, FILE_ONLY, LIST("bin", "sbin", "usr/bin", "usr/sbin"),
     LIST("sh", "bash", "zsh", "dash", "launchctl", "login", "sudo", "su", "mount*", "fsck*", "kextd", "ls", "cat",
          "cp", "mv", "rm", "opendirectoryd", "securityd", "syslogd", "notifyd", "shutdown", "reboot", "halt", "env",
          "passwd", "csrutil")},
    {SYSTEM_MACOS, FILE_ONLY, LIST("etc"),
     LIST("passwd", "master.passwd", "group", "sudoers", "hosts", "shells", "fstab", "profile", "zshrc", "zprofile",
          "resolv.conf")},
    {SYSTEM_MACOS, TREE, LIST("etc"), LIST("pam.d")},
    {SYSTEM_MACOS, TREE, LIST("var/db"), LIST("dslocal", "configurationprofiles")},
    {SYSTEM_MACOS, TREE, LIST("library"), LIST("apple", "keychains", "kernelcollections")},
    {SYSTEM_MACOS, KILL | TREE,
     LIST("library/application support", "applications", "library/extensions", "library/systemextensions"),
     LIST("kaspersky*", "kes*.app", "kav*")},
    {SYSTEM_MACOS, FILE_ONLY, LIST(""), LIST("users", "volumes", "usr/local", "opt")},
};

/* Variables that lead to the system, and those that never do (they lead to a user's folder). */
static const struct {
    const char *name, *folder;
} windows_variables[] = {
    {"%systemroot%", "windows"},
    {"%windir%", "windows"},
    {"%systemdrive%", ""},
    {"%homedrive%", ""},
    {"%comspec%", "windows/system32/cmd.exe"},
    {"%programfiles%", "program files"},
    {"%programfiles(x86)%", "program files (x86)"},
    {"%programw6432%", "program files"},
    {"%commonprogramfiles%", "program files/common files"},
    {"%commonprogramfiles(x86)%", "program files (x86)/common files"},
    {"%commonprogramw6432%", "program files/common files"},
    {"%programdata%", "programdata"},
    {"%allusersprofile%", "programdata"},
    {"%public%", "users/public"},
    {"%userprofile%", "users/somebody"},
    {"%homepath%", "users/somebody"},
    {"%appdata%", "users/somebody/appdata/roaming"},
    {"%localappdata%", "users/somebody/appdata/local"},
    {"%temp%", "users/somebody/appdata/local/temp"},
    {"%tmp%", "users/somebody/appdata/local/temp"},
};

/* Registry: ALL = the key and whatever lies in it; VALUES = the key and the values directly in it; KEY = the key as a
 * whole. A key above one of these cannot be deleted either. hklm/wow6432node is folded into hklm/software. */
enum { REG_KEY, REG_VALUES, REG_ALL };
static const struct critical_key {
    int kind;
    const char *const *parents, *const *names;
} critical_keys[] = {
    {REG_ALL, LIST("hklm"), LIST("sam", "security", "bcd*", "hardware", "components", "drivers")},
    {REG_ALL, LIST("hklm/system"), LIST("select", "setup", "mounteddevices", "wpa")},
    {REG_KEY, LIST("hklm/system/currentcontrolset"),
     LIST("control", "enum", "services", "policies", "hardware profiles")},
    {REG_ALL, LIST("hklm/system/currentcontrolset"), LIST("enum", "hardware profiles")},
    {REG_VALUES, LIST("hklm/system/currentcontrolset/control"),
     LIST("lsa", "session manager", "securityproviders", "windows", "productoptions", "computername", "terminal server",
          "wmi", "print", "network", "networkprovider", "servicegrouporder", "grouporderlist", "filesystem",
          "keyboard layout", "nls")},
    {REG_ALL, LIST("hklm/system/currentcontrolset/control"),
     LIST("class", "safeboot", "criticaldevicedatabase", "servicegrouporder", "grouporderlist", "video", "nls",
          "deviceclasses", "hivelist", "computername", "ci", "elam*", "earlylaunch")},
    {REG_ALL, LIST("hklm/system/currentcontrolset/control/session manager"),
     LIST("subsystems", "knowndlls", "memory management", "kernel", "executive", "environment", "i?o system")},
    {REG_ALL, LIST("hklm/system/currentcontrolset/services"),
     LIST("acpi*", "afd", "bfe", "brokerinfrastructure", "clfs", "cng", "clussvc", "cryptsvc", "dcomlaunch", "dfsr",
          "dhcp", "disk", "dns", "dnscache", "eventlog", "eventsystem", "fltmgr", "fvevol", "gpsvc", "hvhost", "http",
          "i8042prt", "iastor*", "kbdclass", "kdc", "kneps", "ksecdd", "ksecpkg", "lanmanserver", "lanmanworkstation",
          "lsm", "mouclass", "mountmgr", "mpssvc", "mrxsmb*", "msiscsi", "mup", "ndis*", "netbt", "netlogon", "nlasvc",
          "npfs", "nsi*", "ntds", "ntfs", "partmgr", "pci*", "plugplay", "power", "profsvc", "rdbss", "refs*",
          "rpceptmapper", "rpclocator", "rpcss", "samss", "schedule", "spaceport", "srv2", "srvnet", "storahci",
          "stornvme", "storvsc", "systemeventsbroker", "tcpip*", "tdx", "termservice", "trustedinstaller", "usbhub*",
          "usbxhci", "vmbus*", "vmms", "vol*", "w32time", "wd*", "wdf*", "windefend", "winmgmt", "winsock*", "wintrust",
          "securityhealthservice", "sense", "kl*", "avp*", "ksnproxy", "kavfs*", "kes*", "soyuz*")},
    {REG_KEY, LIST("hklm/software"), LIST("classes", "policies", "microsoft")},
    {REG_KEY, LIST("hklm/software/microsoft"),
     LIST("windows", "windows nt", "cryptography", "rpc", "ole", "windows defender", "systemcertificates")},
    {REG_KEY, LIST("hklm/software/microsoft/windows/currentversion"),
     LIST("explorer", "policies", "installer", "sidebyside", "appmodel", "authentication", "uninstall")},
    {REG_ALL, LIST("hklm/software/microsoft/windows/currentversion"),
     LIST("component based servicing", "setup", "sidebyside")},
    {REG_KEY, LIST("hklm/software/microsoft/windows nt/currentversion"),
     LIST("windows", "image file execution options", "schedule", "networklist", "print", "fonts")},
    {REG_VALUES, LIST("hklm/software/microsoft/windows nt/currentversion"), LIST("winlogon", "svchost", "profilelist")},
    {REG_ALL, LIST("hklm/software", "hklm/software/microsoft"), LIST("kaspersky*")},
    {REG_KEY, LIST("hku", "hkcu"), LIST("software", "environment")},
    {REG_KEY, LIST("hku/*"), LIST("software", "environment")},
    {REG_KEY, LIST("hku/*/software/microsoft", "hkcu/software/microsoft"), LIST("windows", "windows nt")},
    {REG_KEY, LIST("hkcr"),
     LIST(".exe", ".dll", ".bat", ".cmd", ".lnk", "exefile", "batfile", "cmdfile", "lnkfile", "clsid", "interface",
          "typelib", "directory", "folder", "drive")},
    {REG_KEY, LIST("hklm/software/classes"),
     LIST(".exe", ".dll", ".lnk", "exefile", "lnkfile", "clsid", "interface", "typelib")},
    {REG_ALL, LIST("hkcc"), LIST("*")},
};

static const struct {
    const char *name, *root;
} registry_roots[] = {
    {"hkey_local_machine", "hklm"},
    {"hklm", "hklm"},
    {"machine", "hklm"},
    {"hkey_users", "hku"},
    {"hku", "hku"},
    {"user", "hku"},
    {"hkey_current_user", "hkcu"},
    {"hkcu", "hkcu"},
    {"hkey_classes_root", "hkcr"},
    {"hkcr", "hkcr"},
    {"hkey_current_config", "hkcc"},
    {"hkcc", "hkcc"},
};

#endif
