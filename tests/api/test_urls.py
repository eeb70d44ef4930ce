"""Every address of the API, asked with a token of every role, against `tests/url_table.txt`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from ccxsec_project.api.gate import is_api
from certificates.models import Certificate, JobState, Node
from tests.api.conftest import ApiClient
from tests.conftest import ROLES
from tests.test_urls import Keys, expected, rows, state

__all__ = ["rows"]
pytestmark = [pytest.mark.django_db, pytest.mark.spec("MN-2")]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NAMES = {"restart": "restartnotice", "signing_request": "signingrequest"}
PEM = "-----BEGIN CERTIFICATE-----"


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside never was."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def table() -> dict[tuple[str, str], dict[str, int]]:
    return {line: row for line, row in expected().items() if is_api(f"/{line[0]}")}


def address(route: str, keys: Keys) -> str:
    for name in ("node", "certificate", "job", "restart", "signing_request", "policy", "plan"):
        route = route.replace(f"<int:{name}>", str(keys[NAMES.get(name, name)]))
    return "/" + route.replace("<service>", "tomcat")


def bodies(keys: Keys, tomcat: Certificate) -> dict[str, Any]:
    """What makes a request well formed: what it then meets is who may, and how things stand."""
    own = {"purpose": "tomcat"}
    hosts = {"source_address": "192.0.2.10", "destination_address": "192.0.2.12"}
    opened = Node.objects.get(is_local=True).restart_notices.get(pk=keys["restartnotice"])
    original = "platformcom/api/v1/certmgr/config"
    return {
        "api/v1/certificates/generate": own | {"key": "ec-p256", "replacing": tomcat.fingerprint},
        "api/v1/certificates/roll-back": own | {"shown": "a"},
        "api/v1/certificates/examine": own | {"pem": tomcat.pem.decode()},
        "api/v1/certificates/install": own | {"pem": tomcat.pem.decode()},
        "api/v1/signing-requests": own | {"key": "rsa-1024", "confirmed": ["confirm.legacy"]},
        "api/v1/restarts/<int:restart>/acknowledge": {"opened_at": opened.opened_at.isoformat()},
        "api/v1/monitor/acknowledgements/<int:certificate>": {
            "until": (timezone.now() + timedelta(days=2)).isoformat(),
            "reason": "known",
        },
        "api/v1/policies": {"group": "b", "name": "b", "preshared_key": "a-good-key-1234"} | hosts,
        "api/v1/policies/<int:policy>": {"revision": 1, "phase_two_life_time": 1800},
        "api/v1/policies/<int:policy>/enable": {"revision": 1},
        "api/v1/policies/<int:policy>/disable": {"revision": 1},
        "api/v1/exchange/export": {"service": "all"},
        "api/v1/exchange/plans/<int:plan>/import": {"shown": ""},
        f"{original}/csr": {"service": "tomcat", "keyLength": 1024},
        f"{original}/identity/certificates": {"service": "tomcat", "certificates": [PEM]},
        f"{original}/trust/certificates": {"service": ["tomcat"], "certificates": [PEM]},
    }


QUERIES = {
    ("api/v1/certificates/<int:certificate>", "DELETE"): "?shown=a",
    ("api/v1/certificates/roll-back", "GET"): "?purpose=tomcat",
    ("api/v1/policies/<int:policy>", "DELETE"): "?revision=1",
}


def test_every_role_gets_what_the_table_says(
    rows: Keys, tomcat: Certificate, api_as: Callable[..., ApiClient]
) -> None:
    sent, wrong = bodies(rows, tomcat), []
    for role in ROLES:
        client = api_as(role)
        for (route, method), statuses in table().items():
            url = address(route, rows) + QUERIES.get((route, method), "")
            with undone():
                answer = client.ask(method, url, sent.get(route, {}))
            if answer.status_code != statuses[role]:
                wrong.append(f'"{route}" {method} as {role}: {answer.status_code}')
            if answer.status_code >= 400:
                assert answer["Content-Type"] == "application/problem+json"

    assert wrong == []


def test_other_methods_are_refused(rows: Keys, api: ApiClient) -> None:
    found, wrong = table(), []
    for route in dict.fromkeys(route for route, _ in found):
        for method in METHODS:
            if (route, method) not in found:
                answer = api.ask(method, address(route, rows), {})
                if answer.status_code != 405 or method in answer["Allow"].split(", "):
                    wrong.append(f"{method} {route}: {answer.status_code}")

    assert wrong == []


def test_reading_changes_nothing(rows: Keys, api_as: Callable[..., ApiClient]) -> None:
    client = api_as("Security administrator")
    before = state()
    for route, method in table():
        if method == "GET":
            client.ask("GET", address(route, rows) + QUERIES.get((route, method), ""))

    assert state() == before


def test_a_session_changes_nothing_with_or_without_the_csrf_token(
    rows: Keys, tomcat: Certificate, as_role: Callable[..., Client]
) -> None:
    client = as_role("Security administrator", enforce_csrf_checks=True)
    sent, before = bodies(rows, tomcat), state()
    for (route, method), statuses in table().items():
        if method != "GET" and statuses["anonymous"] == 401:
            answer = client.generic(
                method,
                address(route, rows),
                data=str(sent.get(route, "{}")),
                content_type="application/json",
            )
            assert answer.status_code == 401, route
    assert state() == before


JSON, FORM = "application/json", "application/x-www-form-urlencoded"
NO_BODIES = [
    ("cut", JSON, b"{", 400),
    ("deep", JSON, b"[" * 100_000, 400),
    ("a huge number", JSON, b'{"a": ' + b"1" * 5_000 + b"}", 400),
    ("no UTF-8", JSON, b"\xff", 400),
    ("a list", JSON, b"[]", 422),
    ("half a pair", JSON, b'{"service": "\\ud800"}', 422),
    ("an unknown field", JSON, b'{"service": "all", "other": 1}', 422),
    ("a form", FORM, b"service=all", 415),
    ("files", "multipart/form-data; boundary=a", b"--a--", 415),
    ("text", "text/plain", b'{"service": "all"}', 415),
    ("8 MB", JSON, b" " * 8_000_000, 413),
]


def test_a_body_that_is_none_is_refused(api: ApiClient) -> None:
    sent = {"Authorization": f"Bearer {api.text}"}
    for name, content_type, data, status in NO_BODIES:
        answer = api.generic("POST", "/api/v1/exchange/export", data, content_type, headers=sent)

        assert answer.status_code == status, name
        assert answer["Content-Type"] == "application/problem+json"
        assert {"code", "message", "cure"} <= answer.json().keys()


def test_a_job_is_queued_and_cancelled_once(api: ApiClient) -> None:
    first = api.ask("POST", "/monitor/run").json()
    job = first["id"]
    assert api.ask("POST", "/monitor/run").json()["id"] == job  # it waits still

    assert api.ask("POST", f"/jobs/{job}/cancel").json()["state"] == JobState.CANCELLED
    assert api.ask("POST", f"/jobs/{job}/cancel").status_code == 409
