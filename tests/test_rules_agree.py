"""The gateway's judge of rules and a second one, written apart from it, agree over 100,000 random rules x responses."""
import collections
import json
import os
import random
import subprocess

from lib.gateway import BINARY, sanitizer_env
from rules_oracle import judge

PROGRAM = os.path.join(os.path.dirname(BINARY), "test/rules/evaluate_test")
SETS, RESPONSES = 5000, 20
ZONES = ["Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "UTC",
         "Africa/Casablanca", "Pacific/Apia"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CLOCKS = ["00:00", "01:30", "02:00", "03:00", "06:00", "09:00", "17:59", "18:00", "22:00", "23:59"]
TYPES = ["GET_FILE", "ISOLATE_HOST", "KILL_PROCESS", "RUN_SCRIPT", "IOC_SCAN"]
THREATS = ["ransomware", "worm", "c2", "malware"]
TAGS = ["VIP", "vip", "Ｖｉｐ", "サーバ", "ｻｰﾊﾞ", "finance"]
TACTICS = ["TA0005: Defense Evasion", "TA0005:Defense Evasion", "Defense evasion", "TA0005", "TA0006", "credential access",
           "TA0006: Credential Access"]
TECHNIQUES = ["T1036: Masquerading", "t1036", "T1036.005", "masquerading", "T1059.001: PowerShell", "PowerShell"]
TECHNOLOGIES = ["Behavior Detection", "behavior detection", "ＩＤＳ", "ids", ""]
HOSTS = ["DC-01.example.jp", "ws-12", "ＷＳ－１２", "東京-PC7", "srv.db.example.jp", "a" * 60]
GLOBS = ["*", "dc-*", "ws-??", "ＷＳ-*", "東京-*", "*.example.jp", "?*-*?", "*a*a*a*b", "srv", "東?-pc7"]
# both changes of the clocks of 2026 in New York, London, Lord Howe, and any time of that year
EDGES = [1772953200, 1793509200, 1774746000, 1792890000, 1775314800, 1790953200]


def some(dice, values, most=3):
    return [dice.choice(values) for _ in range(dice.randint(1, most))]


def random_local_time(dice):
    return {"timezone": dice.choice(ZONES), "outside": dice.random() < .4,
            "windows": [{"days": sorted(set(some(dice, DAYS, 6))), "from": dice.choice(CLOCKS), "to": dice.choice(CLOCKS)}
                        for _ in range(dice.randint(1, 2))]}


MAKE = {"types": lambda d: some(d, TYPES), "priorities": lambda d: some(d, ["HIGH", "NORMAL", "LOW"]),
        "tenants": lambda d: some(d, ["-", "t-1", "t-2"]), "asset_ids": lambda d: some(d, ["0x" + c * 32 for c in "aAbBc"]),
        "host_globs": lambda d: some(d, GLOBS), "asset_tags": lambda d: some(d, TAGS), "threat_classes": lambda d: some(d, THREATS),
        "mitre_tactics": lambda d: some(d, TACTICS), "mitre_techniques": lambda d: some(d, TECHNIQUES),
        "detection_technologies": lambda d: some(d, TECHNOLOGIES[:-1]), "risk_at_most": lambda d: d.choice(["low", "medium", "high"]),
        "local_time": random_local_time}


def damaged(dice, when):
    """As texts that somebody spoilt where they are stored."""
    return dice.choice(["", "{", "[]", "7", '{"types":[]}', json.dumps({**when, "moon": 1}), json.dumps({**when, "types": ["NONE"]}),
                        json.dumps({**when, "host_globs": ["[ab]*"]}), json.dumps({**when, "risk_at_most": "none"}),
                        json.dumps({**when, "local_time": {"timezone": "Mars/Base", "windows": [
                            {"days": ["mon"], "from": "00:00", "to": "12:00"}]}})])


def random_rule(dice, n):
    when = {name: MAKE[name](dice) for name in dice.sample(list(MAKE), dice.choice([0, 1, 1, 1, 2, 2, 3]))}
    limits = {name: dice.randint(1, 12) for name in ("per_hour", "concurrent", "max_percent_of_assets") if dice.random() < .25}
    return {"rule_id": f"r{n}", "mode": dice.choice(["enforce"] * 6 + ["shadow", "off"]),
            "effect": dice.choice(["accept"] * 5 + ["hold", "decline"]),
            "when": damaged(dice, when) if dice.random() < .06 else json.dumps(when),
            "limits": '{"per_week":1}' if dice.random() < .02 else json.dumps(limits),
            "expires_at": dice.choice([0, 0, 0, 1780000000000]), "last_hour": dice.randint(0, 12), "concurrent": dice.randint(0, 12)}


def random_response(dice):
    second = dice.choice(EDGES) + dice.randint(-9000, 9000) if dice.random() < .4 else dice.randint(1767225600, 1798761600)
    return {"type": dice.choice(TYPES), "priority": dice.choice(["HIGH", "NORMAL", "LOW"]), "tenant_id": dice.choice(["-", "t-1", "t-2"]),
            "asset_id": "0x" + dice.choice("abc") * 32, "host_name": dice.choice(HOSTS), "asset_tags": some(dice, TAGS, 2)[dice.randint(0, 1):],
            "threat_classes": some(dice, THREATS, 2)[dice.randint(0, 1):], "mitre_tactics": some(dice, TACTICS, 2)[dice.randint(0, 1):],
            "mitre_techniques": some(dice, TECHNIQUES, 2)[dice.randint(0, 1):], "detection_technology": dice.choice(TECHNOLOGIES),
            "now_ms": second * 1000 + dice.randint(0, 999), "critical": dice.random() < .05, "frozen": dice.random() < .05,
            "setting_accepts": dice.random() < .3, "tenant_assets": dice.choice([0, 7, 100, 1000]), "tenant_affected": dice.randint(1, 13)}


def test_two_judges_agree():
    dice = random.Random(20261122)
    cases = [{"rules": [random_rule(dice, n) for n in range(dice.randint(0, 6))],
              "responses": [random_response(dice) for _ in range(RESPONSES)]} for _ in range(SETS)]
    done = subprocess.run([PROGRAM, "--lines"], input="\n".join(map(json.dumps, cases)) + "\n", capture_output=True, text=True,
                          env={**os.environ, **sanitizer_env()}, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = iter(done.stdout.splitlines())
    seen = collections.Counter()
    for case in cases:
        for response in case["responses"]:
            theirs, ours = json.loads(next(answers)), judge(case["rules"], response)
            assert theirs == ours, json.dumps([case["rules"], response, theirs, ours], ensure_ascii=False)
            seen.update([("decision", ours[0], ours[3])] + [("look", *l[:2]) for l in ours[4]])
    assert next(answers, None) is None
    # the stream reached everything: else it proves little
    reasons = {why for what, _, why in (s for s in seen if s[0] == "decision") for what in [what]}
    assert reasons == {"", "rule", "per_hour", "concurrent", "max_percent_of_assets", "critical", "frozen", "unreadable"}, reasons
    assert {s[1] for s in seen if s[0] == "decision"} == {"accept", "hold", "decline", "none"}
    assert {s[1:] for s in seen if s[0] == "look"} >= {("failed", name) for name in MAKE} | {
        (v, "") for v in ("off", "expired", "unreadable", "matched")}
