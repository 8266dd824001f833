"""A second judge of rules, written from the contract (B4) and openapi.yaml alone: what the gateway's own must agree with."""
import datetime
import fnmatch
import json
import re
import unicodedata
import zoneinfo

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
RISKS = {"GET_FILE": 0, "IOC_SCAN": 0, "ISOLATE_HOST": 2, "DELETE_FILE": 2, "DELETE_REGISTRY_KEY": 2, "START_PROCESS": 2,
         "RUN_SCRIPT": 2}  # the others: 1
LISTS = {"types", "priorities", "tenants", "asset_ids", "host_globs", "asset_tags", "threat_classes", "mitre_tactics", "mitre_techniques",
         "detection_technologies"}
ENUMS = {"types": {"GET_FILE", "ISOLATE_HOST", "RELEASE_HOST", "QUARANTINE_FILE", "RESTORE_FILE", "DELETE_FILE", "DELETE_REGISTRY_KEY",
                   "MEMORY_DUMP", "KILL_PROCESS", "START_PROCESS", "RUN_SCRIPT", "PREVENT_EXECUTION", "ALLOW_EXECUTION", "IOC_SCAN"},
         "priorities": {"HIGH", "NORMAL", "LOW"},
         "threat_classes": {"ransomware", "worm", "c2", "targeted", "malware", "adware", "riskware", "other"}}
ZONES = zoneinfo.available_timezones()


def fold(text):
    return unicodedata.normalize("NFKC", text).lower()


# ---- is the rule one? ----

def window_ok(w):
    clock = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
    return (set(w) == {"days", "from", "to"} and w["days"] and set(w["days"]) <= set(DAYS)
            and clock.fullmatch(w["from"]) and clock.fullmatch(w["to"]))


def local_time_ok(t):
    return (set(t) <= {"timezone", "windows", "outside"} and t.get("timezone") in ZONES and t.get("windows")
            and all(window_ok(w) for w in t["windows"]))


def readable(rule):
    try:
        when, limits = json.loads(rule["when"]), json.loads(rule["limits"])
    except ValueError:
        return False
    if not isinstance(when, dict) or not set(when) <= LISTS | {"risk_at_most", "local_time"}:
        return False
    if any(not when[k] for k in LISTS & set(when)) or not set(limits) <= {"per_hour", "concurrent", "max_percent_of_assets"}:
        return False
    if any(not set(when[k]) <= allowed for k, allowed in ENUMS.items() if k in when):
        return False
    if any(set(glob) & set("[]{}\\/:") for glob in when.get("host_globs", [])):
        return False
    if when.get("risk_at_most", "low") not in ("low", "medium", "high") or not all(v >= 1 for v in limits.values()):
        return False
    if "local_time" in when and not local_time_ok(when["local_time"]):
        return False
    return bool(when) or rule["effect"] != "accept"


# ---- does it match? ----

def moment(day, clock):
    """Minutes from the beginning of the week."""
    hours, minutes = map(int, clock.split(":"))
    return DAYS.index(day) * 1440 + hours * 60 + minutes


def inside(window, local):
    at = local.weekday() * 1440 + local.hour * 60 + local.minute
    for day in window["days"]:
        begin, end = moment(day, window["from"]), moment(day, window["to"])
        if end <= begin:
            end += 1440
        if any(begin <= at + week < end for week in (0, 7 * 1440)):
            return True
    return False


def local_time(condition, now_ms):
    utc = datetime.datetime.fromtimestamp(now_ms // 1000, datetime.timezone.utc)
    local = utc.astimezone(zoneinfo.ZoneInfo(condition["timezone"]))
    return any(inside(w, local) for w in condition["windows"]) != condition.get("outside", False)


def mitre(text):
    """{id, name} of "TA0005: Defense Evasion" in any of its forms."""
    text = fold(text).strip(" ")
    found = re.match(r"(ta?\d{4}(?:\.\d{3})?) *(?::|$) *", text)
    return {found[1], text[found.end():]} - {""} if found else {text}


def glob(pattern, host):
    escaped = "".join(c if c in "*?" else f"[{c}]" if c not in "^!" else c for c in fold(pattern))
    return fnmatch.fnmatchcase(fold(host), escaped)


def overlap(a, b):
    return bool(set(a) & set(b))


def keys(names):
    return set().union(*map(mitre, names)) if names else set()


CONDITIONS = {  # in the order in which the first failure is told
    "tenants": lambda v, f: f["tenant_id"] in v,
    "asset_ids": lambda v, f: f["asset_id"].lower() in [i.lower() for i in v],
    "types": lambda v, f: f["type"] in v,
    "priorities": lambda v, f: f["priority"] in v,
    "host_globs": lambda v, f: any(glob(g, f["host_name"]) for g in v),
    "asset_tags": lambda v, f: overlap(map(fold, v), map(fold, f["asset_tags"])),
    "threat_classes": lambda v, f: overlap(v, f["threat_classes"]),
    "mitre_tactics": lambda v, f: overlap(keys(v), keys(f["mitre_tactics"])),
    "mitre_techniques": lambda v, f: overlap(keys(v), keys(f["mitre_techniques"])),
    "detection_technologies": lambda v, f: fold(f["detection_technology"]) in map(fold, v),
    "risk_at_most": lambda v, f: RISKS.get(f["type"], 1) <= ["low", "medium", "high"].index(v),
    "local_time": lambda v, f: local_time(v, f["now_ms"]),
}


# ---- what does it lead to? ----

def obstacle(rule, f):
    limits = json.loads(rule["limits"]) if rule else {}
    if f["critical"]:
        return "critical"
    if f["frozen"]:
        return "frozen"
    if "per_hour" in limits and rule["last_hour"] + 1 > limits["per_hour"]:
        return "per_hour"
    if "concurrent" in limits and rule["concurrent"] + 1 > limits["concurrent"]:
        return "concurrent"
    if "max_percent_of_assets" in limits:
        if not f["tenant_assets"] or f["tenant_affected"] / f["tenant_assets"] * 100 > limits["max_percent_of_assets"] + 1e-9:
            return "max_percent_of_assets"
    return ""


def look(rule, f):
    """[verdict, failed condition, what it leads to, why held]"""
    if rule["mode"] == "off":
        return ["off", "", "none", ""]
    if 0 < rule["expires_at"] <= f["now_ms"]:
        return ["expired", "", "none", ""]
    if not readable(rule):
        return ["unreadable", "", "none", ""] if rule["effect"] == "accept" else ["unreadable", "", "hold", "unreadable"]
    when = json.loads(rule["when"])
    for name, holds in CONDITIONS.items():
        if name in when and not holds(when[name], f):
            return ["failed", name, "none", ""]
    if rule["effect"] == "accept":
        why = obstacle(rule, f)
        return ["matched", "", "hold" if why else "accept", why]
    return ["matched", "", rule["effect"], "rule" if rule["effect"] == "hold" else ""]


def judge(rules, f):
    """[decision, rule_id, by setting, reason, looks]"""
    looks = [look(rule, f) for rule in rules]
    matching = [(r, l) for r, l in zip(rules, looks) if r["mode"] == "enforce" and l[2] != "none"]
    matching.sort(key=lambda m: m[0]["effect"] == "accept")  # stable: the order stays
    for rule, found in matching:
        return [found[2], rule["rule_id"], False, found[3], looks]
    if f["setting_accepts"]:
        why = obstacle(None, f)
        return ["hold" if why else "accept", "", True, why, looks]
    return ["none", "", False, "", looks]
