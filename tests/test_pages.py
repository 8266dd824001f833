"""Pages stay true while others write: page k + 1 of a connection and filter continues where its page k ended (contract A1)."""
import random

import pytest

from lib.organisation import DAY_MS, new_asset_id, now_ms


def walk_pages(api, name, body, key, between=lambda page: None):
    seen = []
    for page in range(1, 100):
        got = api.ok(name, {**body, "page": page})
        if not got:
            return seen
        seen += [item[key] for item in got]
        between(page)
    raise AssertionError(f"{name} never ends: {seen}")


# ---- incidents ----

def test_pages_join_without_gap(fresh):
    made = [fresh.new_incident()["incident_id"] for _ in range(7)]
    for size in (1, 2, 3, 7, 8):
        assert walk_pages(fresh.sup, "incidents/list", {"page_size": size}, "incident_id") == made[::-1]
        assert walk_pages(fresh.sup, "incidents/list", {"page_size": size, "sort": "update_time:asc"}, "incident_id") == made


@pytest.mark.parametrize("sort", ["creation_time:desc", "creation_time:asc", "update_time:asc", "update_time:desc"])
def test_pages_stay_true_while_others_write(fresh, sort):
    made = [fresh.new_incident()["incident_id"] for _ in range(8)]

    def meanwhile(page):
        """New ones appear, and old ones move to the young end."""
        if page <= 6:
            fresh.new_incident()
            fresh.new_comment(made[(page * 3) % 8], by=fresh.soc)

    reader = fresh.new_caller("OFFICER")
    seen = walk_pages(reader, "incidents/list", {"page_size": 2, "sort": sort}, "incident_id", meanwhile)
    assert set(made) <= set(seen), "lost"
    assert len(seen) == len(set(seen)), "doubled"


# ---- chat ----

def test_chat_pages_stay_true_while_others_write(fresh):
    incident = fresh.new_incident()["incident_id"]
    made = [fresh.new_comment(incident)["comment_id"] for _ in range(7)]
    seen = []
    for page in range(1, 9):
        got = fresh.sup.ok("chat/list", {"incident_id": incident, "page_size": 2, "page": page})
        seen += [entry["comment"]["comment_id"] for entry in got]
        if page == 1:
            fresh.sup.ok("comments/delete", {"comment_id": made[0]})
        if page < 3:
            made.append(fresh.new_comment(incident, by=fresh.soc)["comment_id"])
    assert seen == made


# ---- responses ----

@pytest.mark.parametrize("sort", ["creation_time:asc", "creation_time:desc", "update_time:asc", "update_time:desc"])
def test_responses_come_once_while_people_decide(fresh, sort):
    made = [fresh.new_response()["response_id"] for _ in range(8)]

    def meanwhile(page):
        """New ones come; one given and one not given yet move to the young end."""
        if page <= 3:
            fresh.new_response()
            for n in (page - 1, 8 - page):
                fresh.sup.ok("response/update", {"response_id": made[n], "status": "Declined", "comment": "No"})

    body = {"page_size": 2, "sort": sort, "statuses": ["New", "Confirmed", "Declined"]}
    seen = walk_pages(fresh.sup, "responses/list", body, "response_id", meanwhile)
    assert set(made) <= set(seen), "lost"
    assert len(seen) == len(set(seen)), "doubled"


# ---- assets ----

SORTS = [f"{name}:{way}" for name in ("host_name", "computer_name_hostname", "first_seen", "last_seen") for way in ("asc", "desc")]
NOON = now_ms() - DAY_MS


class Fleet:
    """Assets of one domain, in the same order under every sort; two of a kind each, so that ids settle ties."""

    def __init__(self, org, n=12):
        self.org = org
        self.places = {}  # asset_id -> its place in the order
        self.write({new_asset_id(): i // 2 for i in range(n)})

    def write(self, places, **more):
        self.places.update(places)
        self.org.soc.ok("assets/upsert", {"assets": [
            {"asset_id": asset_id, "host_name": f"Pc-{500 + place:03}", "domain": "fleet.example.jp",
             "first_seen": NOON - DAY_MS + place, "last_seen": NOON + place, **more} for asset_id, place in places.items()]})

    def heartbeat(self, at):
        self.org.soc.ok("assets/upsert", {"assets": [{"asset_id": a, "last_seen": at} for a in self.places]})

    def remove(self, asset_id):
        self.org.gateway.query("delete from assets where client_id = %s and asset_id = %s", self.org.id, asset_id,
                               client=self.org.id)
        del self.places[asset_id]

    def ordered(self, sort):
        return sorted(self.places, key=lambda a: (self.places[a], a), reverse=sort.endswith(":desc"))

    def walk(self, sort, between=lambda page: None, size=3, by=None, **more):
        body = {"domain": "fleet.example.jp", "sort": sort, "page_size": size, "fields": ["asset_id"], **more}
        return walk_pages(by or self.org.sup, "assets/list", body, "asset_id", between)


@pytest.mark.parametrize("sort", SORTS)
def test_asset_pages_join_without_gap(fresh, sort):
    fleet = Fleet(fresh)
    for size in (1, 3, 5, 12, 13):
        assert fleet.walk(sort, size=size) == fleet.ordered(sort)


@pytest.mark.parametrize("sort", SORTS)
def test_assets_that_stay_come_once_whatever_others_do(fresh, sort):
    fleet = Fleet(fresh)
    order, places = fleet.ordered(sort), dict(fleet.places)
    given, unseen, changed = order[1], order[7], order[9]
    behind, ahead = (-9, 99) if sort.endswith(":asc") else (99, -9)
    came = {}

    def meanwhile(page):
        if page > 4:
            return
        came[page] = [new_asset_id() for _ in range(3)]
        fleet.write(dict(zip(came[page], (behind, ahead, 3))))
        fleet.write({changed: fleet.places[changed]}, tags=[f"changed {page}"])
        if page == 1:
            fleet.remove(given)
        if page == 2:
            fleet.remove(unseen)

    seen = fleet.walk(sort, meanwhile)
    stayed = [a for a in order if a not in (given, unseen)]
    assert [a for a in seen if a in stayed] == stayed
    assert len(seen) == len(set(seen)), "doubled"
    known = {**places, **fleet.places}
    assert seen == sorted(seen, key=lambda a: (known[a], a), reverse=sort.endswith(":desc"))
    for page in (1, 2, 3):
        assert came[page][0] not in seen, "new, but behind the reader"
        assert came[page][1] in seen, "new, and before the reader"


@pytest.mark.parametrize("sort", SORTS)
def test_an_asset_that_moves_between_pages_is_neither_lost_nor_doubled(fresh, sort):
    fleet = Fleet(fresh)
    order = fleet.ordered(sort)
    behind, ahead = (-9, 99) if sort.endswith(":asc") else (99, -9)
    seen = fleet.walk(sort, lambda page: page == 2 and fleet.write({
        order[0]: ahead, order[4]: ahead,      # given, come into the way
        order[7]: behind, order[10]: behind,   # not given yet, get behind the reader
        order[8]: ahead, order[2]: behind}))
    assert sorted(seen) == sorted(order)
    stayed = [a for a in order if 0 <= fleet.places[a] <= 9]
    assert [a for a in seen if a in stayed] == stayed


@pytest.mark.parametrize("sort", ["last_seen:asc", "last_seen:desc"])
def test_assets_come_once_while_all_of_them_send_heartbeats(fresh, sort):
    fleet = Fleet(fresh, 20)
    seen = fleet.walk(sort, lambda page: fleet.heartbeat(NOON + 1000 * page))
    assert sorted(seen) == sorted(fleet.places)
    shuffled = random.Random(1)

    def some(page):
        for asset_id in shuffled.sample(sorted(fleet.places), 5):
            fleet.org.soc.ok("assets/upsert", {"assets": [{"asset_id": asset_id, "last_seen": NOON + 100_000 * page}]})

    assert sorted(fleet.walk(sort, some)) == sorted(fleet.places)


@pytest.mark.parametrize("sort", SORTS)
def test_asset_pages_under_filters(fresh, sort):
    """Each filter narrows the same walk; the searches have a plan of their own."""
    fleet = Fleet(fresh)
    incident = fresh.new_incident(affected_hosts=[f"Pc-{500 + p:03}:{a}" for a, p in fleet.places.items()])
    fleet.write(dict(fleet.places), tags=["fleet"], os_version="Windows 11 Fleet", product_map={"KES": "12"},
                network_interfaces=[{"ip": "198.51.100.7"}])
    order = fleet.ordered(sort)
    narrow = [{}, {"search_phrase": "PC-5"}, {"search_phrase": "pc"}, {"os_version": "fleet"}, {"product": "KES"},
              {"network_interface": "198.51.100"}, {"host_names": [f"pc-{500 + p}" for p in range(6)]}, {"tags": ["fleet"]},
              {"related_incidents_ids": [incident["incident_id"]]}, {"statuses": ["OK", "WARNING"]}, {"tenants_names": ["-"]},
              {"is_isolated": False}, {"min_last_seen": NOON, "max_last_seen": NOON + 5},
              {"min_first_seen": NOON - DAY_MS, "max_first_seen": NOON - DAY_MS + 5}]
    for more in narrow:
        places = dict(fleet.places)
        swapped = {order[1]: places[order[11]], order[10]: places[order[0]]}
        seen = fleet.walk(sort, lambda page, moved=swapped: page == 2 and fleet.write(moved), **more)
        assert sorted(seen) == sorted(order), more
        fleet.write(places)


@pytest.mark.parametrize("sort", SORTS)
def test_absent_assets_vanish_between_pages(fresh, sort):
    fresh.sup.ok("settings/general/set", {"hide_absent_assets": True})
    fleet = Fleet(fresh)
    order = fleet.ordered(sort)
    gone = [order[1], order[8]]
    seen = fleet.walk(sort, lambda page: page == 1 and fleet.write({a: fleet.places[a] for a in gone}, last_seen=1000))
    assert seen == [a for a in order if a != order[8]]


def test_a_page_asked_again_continues_in_the_same_place(fresh):
    fleet = Fleet(fresh)
    order = fleet.ordered("host_name:asc")
    body = {"domain": "fleet.example.jp", "page_size": 3, "fields": ["asset_id"]}

    def page(n, by=fresh.sup):
        return [a["asset_id"] for a in by.ok("assets/list", {**body, "page": n})]

    assert page(1) + page(2) == order[:6]
    fleet.write({order[0]: 99, new_asset_id(): -9})
    assert page(3) == page(3) == order[6:9]
    assert page(2) == order[3:6] and page(3) == order[6:9], "the walk may go back"
    assert fleet.places and page(4) == order[9:12]
    assert page(5) == [], "what was given does not come again"
    order, other = fleet.ordered("host_name:asc"), fresh.new_caller("OFFICER")
    assert page(2, by=other) == order[3:6], "nobody knows his page 1: counted off"
    assert [page(n, by=other) for n in (3, 4, 5, 6)] == [order[6:9], order[9:12], order[12:], []], "and nothing before it"
