#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "demo/copy.h"
#include "demo/world.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };
#define DAY (24LL * HOUR)

static const char *const fixed_hosts[WORLD_ASSETS_MIN] = {"JERRY.soc.lab", "Alex-Desktop.abc.lab", "webserv"};

static void workstation_name(struct dice *d, uint32_t number, struct host *h) {
    static const char *const owners[] = {"Aiko", "Tom", "Maria", "Kenichi", "Olivia", "Sakura", "Jean", "Naoki"};
    const struct tenant *t = h->tenant;
    switch (dice_below(d, 5)) {
    case 0: snprintf(h->name, sizeof h->name, "%sPC-%03u", t->group_ja, number); return;
    case 1: snprintf(h->name, sizeof h->name, "DESKTOP-%04X%03u", dice_below(d, 65536), number % 1000); return;
    case 2: snprintf(h->name, sizeof h->name, "NB-%05u.%s", number, t->domain); return;
    case 3: snprintf(h->name, sizeof h->name, "%s-Laptop-%u.%s", DICE_PICK(d, owners), number, t->domain); return;
    default: snprintf(h->name, sizeof h->name, "WS%05u.%s", number, t->domain);
    }
}

static void server_name(struct dice *d, uint32_t number, struct host *h) {
    static const char *const windows[] = {"SRV-FILE", "SRV-SQL", "DC", "SRV-PRINT", "EXCH", "電子カルテSV"};
    static const char *const linuxes[] = {"web", "db", "proxy", "build", "mail", "pacs"};
    if (h->system == WINDOWS)
        snprintf(h->name, sizeof h->name, "%s-%03u", DICE_PICK(d, windows), number);
    else
        snprintf(h->name, sizeof h->name, "%s-%03u.%s", DICE_PICK(d, linuxes), number, h->tenant->domain);
}

static void mac_name(struct dice *d, uint32_t number, struct host *h) {
    static const char *const owners[] = {"Aiko", "Jean", "Sakura", "Design"};
    snprintf(h->name, sizeof h->name, "MacBook-%s-%u", DICE_PICK(d, owners), number);
}

static void name_host(struct dice *d, uint32_t number, struct host *h) {
    static const uint8_t kinds[] = {58, 14, 20, 8};
    size_t kind = dice_weighted(d, kinds, sizeof kinds);
    h->system = kind < 2 ? WINDOWS : kind == 2 ? LINUX : MACOS;
    h->server = kind == 1 || kind == 2;
    if (kind == 0)
        workstation_name(d, number, h);
    else if (kind == 3)
        mac_name(d, number, h);
    else
        server_name(d, number, h);
}

void host_make(const struct world *w, uint32_t number, struct host *out) {
    static const uint8_t shares[TENANTS_STOCK_N] = {10, 35, 25, 18, 12};
    struct dice d = dice_of(w->seed, STREAM_HOST, number);
    *out = (struct host){.system = WINDOWS};
    memcpy(out->asset_id, "0x", 2);
    dice_hex(&d, out->asset_id + 2, 32);
    out->tenant = &tenants_stock[dice_weighted(&d, shares, TENANTS_STOCK_N)];
    name_host(&d, number, out);
    out->critical = out->server && dice_percent(&d, 12);
    out->isolated = !out->server && dice_percent(&d, 1);
    snprintf(out->user, sizeof out->user, "%s", user_names[dice_below(&d, (uint32_t)user_names_n)]);
    snprintf(out->ip, sizeof out->ip, "10.%d.%u.%u", out->tenant->net, number / 250 % 250 + 1, number % 250 + 4);
    if (number >= WORLD_ASSETS_MIN) return;
    snprintf(out->name, sizeof out->name, "%s", fixed_hosts[number]);
    out->system = WINDOWS;
    out->server = number == 2;
    out->critical = out->isolated = false;
    out->tenant = &tenants_stock[0];
    if (number == 1) strcpy(out->user, "alex");
}

/* ---- the row ---- */

static const char *os_version(struct dice *d, const struct host *h) {
    static const char *const workstations[] = {"Microsoft Windows 11 24H2", "Microsoft Windows 11 23H2",
                                               "Microsoft Windows 10 22H2", "Microsoft Windows 10 21H2"};
    static const char *const servers[] = {"Microsoft Windows Server 2022", "Microsoft Windows Server 2019",
                                          "Microsoft Windows Server 2016"};
    static const char *const linuxes[] = {"Ubuntu 22.04.5 LTS", "Ubuntu 24.04.1 LTS", "Debian GNU/Linux 12",
                                          "Red Hat Enterprise Linux 9.4", "CentOS Linux 7.9"};
    static const char *const macs[] = {"macOS 15.1", "macOS 14.7", "macOS 13.6"};
    if (h->system == LINUX) return DICE_PICK(d, linuxes);
    if (h->system == MACOS) return DICE_PICK(d, macs);
    if (h->server) return DICE_PICK(d, servers);
    return DICE_PICK(d, workstations);
}

static void add_product(struct dice *d, const struct host *h, struct buf *scratch, struct copy *out) {
    static const char *const names[] = {"Kaspersky Endpoint Security for Windows",
                                        "Kaspersky Endpoint Security for Linux", "Kaspersky Endpoint Security for Mac"};
    static const char *const versions[][3] = {{"12.6.0.438", "12.5.0.539", "12.3.0.493"},
                                              {"12.1.0.1543", "12.0.0.6672", "11.4.0.1096"},
                                              {"12.1.0.553", "12.0.0.325", "11.3.0.320"}};
    int kind = h->system == WINDOWS ? 0 : h->system == LINUX ? 1 : 2;
    const char *version = DICE_PICK(d, versions[kind]);
    buf_reset(scratch);
    buf_addf(scratch, "%s %s", names[kind], version);
    copy_text(out, buf_text(scratch));
    buf_reset(scratch);
    json_open(scratch, '{');
    json_kstr(scratch, kind == 0 ? "KES" : kind == 1 ? "KESL" : "KESMAC", version);
    json_kstr(scratch, "NAGENT", "15.1.0.20748");
    json_close(scratch, '}');
    copy_jsonb(out, buf_text(scratch));
}

static void add_interfaces(struct dice *d, const struct host *h, struct buf *scratch, struct copy *out) {
    char mac[18], text[64];
    snprintf(mac, sizeof mac, "00:50:56:%02x:%02x:%02x", dice_below(d, 256), dice_below(d, 256), dice_below(d, 256));
    buf_reset(scratch);
    json_open(scratch, '[');
    json_open(scratch, '{');
    json_kstr(scratch, "dsc", h->system == LINUX ? "eth0" : "Intel(R) Ethernet Connection I219-LM");
    json_kstr(scratch, "dnsd", h->tenant->domain);
    snprintf(text, sizeof text, "10.%d.0.1", h->tenant->net);
    json_kstr(scratch, "defg", text);
    json_kstr(scratch, "mac", mac);
    json_kstr(scratch, "ipcm", h->ip);
    snprintf(text, sizeof text, "%s|fe80::250:56ff:fe%02x:%x", h->ip, dice_below(d, 256), dice_below(d, 65535) + 1);
    json_kstr(scratch, "ip", text);
    json_close(scratch, '}');
    json_close(scratch, ']');
    copy_text(out, buf_text(scratch));
}

static void add_tags(struct dice *d, const struct host *h, struct copy *out) {
    const char *tags[4];
    size_t n = 0;
    if (h->critical) tags[n++] = "critical";
    if (h->isolated) tags[n++] = "ISOLATED FROM NETWORK";
    if (h->server) tags[n++] = "server";
    if (dice_percent(d, 5)) tags[n++] = "VIP";
    copy_array(out, tags, n);
}

/* Most report all the time, some are switched off, some are gone. */
static int64_t last_seen(struct dice *d, const struct world *w) {
    static const uint8_t shares[] = {88, 7, 5};
    size_t kind = dice_weighted(d, shares, sizeof shares);
    if (kind == 0) return w->now_ms - dice_between(d, 0, HOUR);
    if (kind == 1) return w->now_ms - dice_between(d, 8 * DAY, 25 * DAY);
    return w->now_ms - dice_between(d, 35 * DAY, 120 * DAY);
}

static void add_components(struct dice *d, const struct world *w, struct buf *scratch, struct copy *out) {
    bool off = dice_percent(d, 3), missing = dice_percent(d, 6);
    buf_reset(scratch);
    json_open(scratch, '[');
    if (off)
        buf_addf(scratch, "{\"name\":\"File Threat Protection\",\"key\":true,\"state\":\"off\",\"since\":%lld}",
                 (long long)(w->now_ms - dice_between(d, HOUR, 9 * DAY)));
    if (missing)
        buf_addf(scratch,
                 "%s{\"name\":\"Adaptive Anomaly Control\",\"key\":false,\"state\":\"missing\",\"since\":%lld}",
                 off ? "," : "", (long long)(w->now_ms - dice_between(d, HOUR, 90 * DAY)));
    buf_addc(scratch, ']');
    copy_jsonb(out, buf_text(scratch));
}

/* "soc.lab" of "JERRY.soc.lab"; hosts without a dot are in their tenant's domain. */
static const char *domain_of(const struct host *h) {
    const char *dot = strchr(h->name, '.');
    return dot ? dot + 1 : h->tenant->domain;
}

void host_row(const struct world *w, uint32_t number, struct buf *scratch, struct copy *out) {
    struct host h;
    char uuid[UUID_BYTES];
    struct dice d = dice_of(w->seed, STREAM_HOST + 100, number);
    host_make(w, number, &h);
    int64_t seen = number < WORLD_ASSETS_MIN ? w->now_ms - MINUTE : last_seen(&d, w);
    copy_text(out, w->client_id);
    copy_text(out, h.asset_id);
    copy_text(out, h.tenant->id);
    copy_text(out, h.name);
    copy_text(out, domain_of(&h));
    copy_int(out, w->now_ms - dice_between(&d, 366, 1200) * DAY);
    copy_int(out, seen);
    copy_text(out, os_version(&d, &h));
    add_product(&d, &h, scratch, out);
    dice_uuid(&d, uuid);
    copy_text(out, uuid);
    copy_bool(out, h.isolated);
    add_interfaces(&d, &h, scratch, out);
    add_tags(&d, &h, out);
    copy_text(out, dice_percent(&d, 50) ? h.tenant->group : h.tenant->group_ja);
    copy_text(out, h.server ? "Servers" : "標準");
    copy_text(out, !h.server && dice_percent(&d, 6) ? "vdi" : "physical");
    add_components(&d, w, scratch, out);
    copy_int(out, seen - dice_between(&d, 0, dice_percent(&d, 4) ? 12 * DAY : DAY));
    copy_jsonb(out, "[]");
    copy_end(out);
}
