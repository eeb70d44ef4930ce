"""Certificates by the API: found page by page, replaced, uploaded, rolled back, deleted."""

import base64
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from certificates.models import Certificate, Event, Node, Purpose, SigningRequest
from tests.api.conftest import ApiClient
from tests.certificates.authorities import Authority as QuickAuthority
from tests.certificates.authorities import common_name
from tests.certificates.authority import Authority

pytestmark = [pytest.mark.django_db]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def roots(count: int) -> list[str]:
    made = [QuickAuthority(common_name(f"Root {at // 2:03}")) for at in range(count)]
    return [
        Certificate(der=one.issue(one.name, key=one.key, ca=True).certificate).pem.decode()
        for one in made
    ]


def pages(api: ApiClient, **query: Any) -> list[list[dict[str, Any]]]:
    found, after = [], ""
    while True:
        asked = urlencode(query | {"after": after}, doseq=True)
        answer = api.ask("GET", f"/certificates?{asked}")
        assert answer.status_code == 200, answer.content
        found.append(answer.json()["items"])
        after = answer.json()["next"]
        if not after:
            return found


@pytest.mark.spec("CM-1", "CM-2")
def test_every_certificate_is_on_one_page_in_the_lists_order(api: ApiClient, node: Node) -> None:
    body = {"purpose": "tomcat-trust", "confirmed": ["confirm.warnings"]}
    for pem in roots(7):  # several of one name
        installed = api.ask("POST", "/certificates/install", body | {"pem": pem})
        assert installed.status_code == 200, installed.content
    expected = list(Certificate.objects.active().in_list_order().values_list("pk", flat=True))

    for limit in (1, 2, 3, 200):
        found = pages(api, limit=limit)
        assert [row["id"] for page in found for row in page] == expected
        assert all(len(page) == limit for page in found[:-1])
    one = {"field": "common_name", "op": "is exactly", "value": "root 001"}
    assert {row["common_name"] for [row] in pages(api, limit=1, **one)} == {"Root 001"}
    assert [row["purpose"] for page in pages(api, kind="own") for row in page] == [
        "ipsec",
        "tomcat",
    ]


NOT_FOUND_BY = [
    ({"field": "no", "op": "contains", "value": "a"}, "find.field"),
    ({"field": "common_name", "op": "before", "value": "a"}, "find.operator"),
    ({"field": "expiration", "op": "before", "value": "a"}, "find.value"),
    ({"field": "common_name", "op": "likes", "value": "a"}, "api.invalid"),
    ({"after": "nonsense"}, "api.cursor"),
    ({"after": "WzEsMl0"}, "api.cursor"),
    ({"limit": "0"}, "api.invalid"),
]


@pytest.mark.spec("CM-2")
def test_what_can_not_be_found_by_is_told(api: ApiClient) -> None:
    for query, code in NOT_FOUND_BY:
        answer = api.ask("GET", f"/certificates?{urlencode(query)}")

        assert answer.status_code == 422, query
        assert answer.json()["code"] == code


@pytest.mark.spec("CM-8")
def test_what_was_sent_twice_is_done_once(api: ApiClient, tomcat: Certificate) -> None:
    body = {"purpose": "tomcat", "key": "ec-p256", "replacing": tomcat.fingerprint}

    first = api.ask("POST", "/certificates/generate", body)
    again = api.ask("POST", "/certificates/generate", body)

    assert first.status_code == 201
    assert first.json()["replaced"]["fingerprint"] == tomcat.fingerprint
    assert first.json()["restart_required"] == ["tomcat"]
    assert (again.status_code, again.json()["code"]) == (409, "state.changed")
    assert Event.objects.filter(action="certificate:generate").count() == 3  # two at set-up


@pytest.mark.spec("CM-8")
def test_a_caution_is_confirmed_by_its_code(api: ApiClient, tomcat: Certificate) -> None:
    body = {"purpose": "tomcat", "key": "rsa-1024", "replacing": tomcat.fingerprint}

    asked = api.ask("POST", "/certificates/generate", body)
    done = api.ask("POST", "/certificates/generate", body | {"confirmed": [asked.json()["code"]]})

    assert (asked.status_code, asked.json()["code"]) == (409, "confirm.legacy")
    assert done.status_code == 201


@pytest.mark.spec("CM-11", "CM-16", "CM-17")
def test_from_a_request_to_its_certificate_and_back(
    api: ApiClient, ca: Authority, tomcat: Certificate
) -> None:
    made = api.ask("POST", "/signing-requests", {"purpose": "tomcat", "key": "rsa-2048"})
    assert made.status_code == 201, made.content
    request = made.json()["request"]
    twice = api.ask("POST", "/signing-requests", {"purpose": "tomcat", "key": "rsa-2048"})
    assert (twice.status_code, twice.json()["code"]) == (409, "state.changed")
    assert api.ask("POST", f"/signing-requests/{request['id']}/download").content == (
        request["pem"].encode()
    )
    chain = ca.pkcs7(ca.sign(request["pem"]), ca.sub, ca.root)
    body = {"purpose": "tomcat", "base64": base64.b64encode(chain).decode()}

    looked = api.ask("POST", "/certificates/examine", body).json()
    assert looked["accepted"], looked
    assert looked["replaces"] == [tomcat.fingerprint]
    stale = api.ask("POST", "/certificates/install", body | {"shown": "another"})
    assert (stale.status_code, stale.json()["code"]) == (409, "state.changed")
    done = api.ask("POST", "/certificates/install", body | {"shown": looked["shown"]})
    assert done.status_code == 200, done.content
    assert SigningRequest.objects.get().state == "consumed"
    again = api.ask("POST", "/certificates/install", body)
    assert (again.status_code, again.json()["code"]) == (409, "confirm.warnings")
    assert "already" in again.json()["message"]
    sure = api.ask("POST", "/certificates/install", body | {"confirmed": ["confirm.warnings"]})
    assert (sure.status_code, sure.json()["changes"]) == (200, False)

    back = api.ask("GET", "/certificates/roll-back?purpose=tomcat").json()
    assert back["former"]["fingerprint"] == tomcat.fingerprint
    told = {"purpose": "tomcat", "shown": back["shown"]}
    assert api.ask("POST", "/certificates/roll-back", told).status_code == 200
    assert api.ask("POST", "/certificates/roll-back", told).status_code == 409


@pytest.mark.spec("CM-5")
def test_a_trust_certificate_is_deleted_after_its_impact_was_seen(
    api: ApiClient, ca: Authority, node: Node
) -> None:
    body = {"purpose": "tomcat-trust", "pem": ca.root.decode()}
    api.ask("POST", "/certificates/install", body)
    key = Certificate.objects.trust().get(purpose=Purpose.TOMCAT_TRUST, common_name="Lab Root").pk

    assert api.ask("DELETE", f"/certificates/{key}").status_code == 422  # nothing was shown
    assert api.ask("DELETE", f"/certificates/{key}?shown=a").status_code == 409
    impact = api.ask("GET", f"/certificates/{key}/impact").json()
    assert api.ask("DELETE", f"/certificates/{key}?shown={impact['shown']}").status_code == 200
    assert api.ask("DELETE", f"/certificates/{key}?shown={impact['shown']}").status_code == 404


@pytest.mark.spec("CM-4", "MN-3")
def test_files_are_those_of_the_screen_and_hold_no_key(api: ApiClient, tomcat: Certificate) -> None:
    pem = api.ask("GET", f"/certificates/{tomcat.pk}/file")
    der = api.ask("GET", f"/certificates/{tomcat.pk}/file?form=der")

    assert pem.content == tomcat.pem
    assert der.content == bytes(tomcat.der)
    assert der["Content-Disposition"] == 'attachment; filename="tomcat.der"'
    assert api.ask("GET", f"/certificates/{tomcat.pk}").json()["pem"] == tomcat.pem.decode()
    assert b"PRIVATE KEY" not in pem.content


@pytest.mark.spec("IP-2", "IP-3")
def test_a_policy_is_added_changed_switched_and_deleted(api: ApiClient) -> None:
    hosts = {"source_address": "192.0.2.10", "destination_address": "192.0.2.11"}
    given = {"group": "a", "name": "b", "preshared_key": "a-good-key-1234"} | hosts

    made = api.ask("POST", "/policies", given)
    assert made.status_code == 201, made.content
    row = made.json()
    assert "a-good-key" not in made.content.decode()
    assert row["has_preshared_key"]
    assert api.ask("POST", "/policies", given).status_code == 422
    change = {"revision": row["revision"], "phase_two_life_time": 1800}
    changed = api.ask("PATCH", f"/policies/{row['id']}", change)
    assert changed.json()["phase_two_life_time"] == 1800
    stale = api.ask("PATCH", f"/policies/{row['id']}", change)
    assert (stale.status_code, stale.json()["code"]) == (409, "policy.changed")
    wrong = api.ask("PATCH", f"/policies/{row['id']}", {"revision": 2, "phase_two_life_time": 1})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "phase_two_life_time")
    now = {"revision": changed.json()["revision"]}
    for verb, is_enabled in (("enable", True), ("enable", True), ("disable", False)):
        switched = api.ask("POST", f"/policies/{row['id']}/{verb}", now)
        assert switched.json()["enabled"] is is_enabled
        now = {"revision": switched.json()["revision"]}
    assert api.ask("DELETE", f"/policies/{row['id']}?revision=1").status_code == 409
    gone = f"/policies/{row['id']}?revision={now['revision']}"
    assert [api.ask("DELETE", gone).status_code for _ in range(2)] == [204, 404]


@pytest.mark.spec("MO-1")
def test_the_monitor_is_set_and_an_expiry_acknowledged(api: ApiClient, tomcat: Certificate) -> None:
    given = {"start_days": 40, "addresses": ["a@example.com", "b@example.com"]}

    for _ in range(2):
        told = api.ask("PATCH", "/monitor", given).json()
        assert (told["start_days"], told["addresses"]) == (40, given["addresses"])
    until = {"until": (timezone.now() + timedelta(days=9)).isoformat(), "reason": "known"}
    path = f"/monitor/acknowledgements/{tomcat.pk}"
    assert [api.ask("PUT", path, until).status_code for _ in range(2)] == [200, 200]
    assert [api.ask("DELETE", path).status_code for _ in range(2)] == [204, 409]
    assert api.ask("PATCH", "/monitor", {"frequency": 0}).status_code == 422
