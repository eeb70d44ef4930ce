"""Every address of the product, asked by everybody in every way, against `url_table.txt`.

A line of the table is a route, a method, and the status for each role. `python -m pytest
tests/test_urls.py --write-table` is not offered on purpose: a new line is thought about.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from bulk.models import Cluster, Plan
from ccxsec_project.api.gate import is_api
from ccxsec_project.api.models import ApiToken
from ccxsec_project.api.operations import add_token
from certificates.access import Actor
from certificates.models import (
    Certificate,
    Endpoint,
    Job,
    Message,
    Node,
    Observed,
    Purpose,
    RestartNotice,
    SigningRequest,
    SilenceRule,
)
from certificates.operations import add_rule
from certificates.operations.request import EVERYTHING, request_certificate
from certificates.x509.facts import read_facts
from certificates.x509.policy import KeyChoice
from ipsec.models import Policy
from ipsec.operations import add_policy
from ipsec.policy.definition import Definition
from tests.conftest import ROLES

pytestmark = pytest.mark.spec("MN-2")
TABLE = Path(__file__).with_name("url_table.txt")
KEY = re.compile(r"<(int:pk|int:object_id|path:object_id|id)>")
READS = ("SELECT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")
SESSIONS = '"django_session"'
Keys = dict[str, int]  # the name of a model in a route -> the key of one of its rows


def routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def address(route: str, keys: Keys) -> str:
    """The route with its captured parts filled in."""
    route = route.replace("^(?P<app_label>auth|certificates)/$", "auth/")
    route = route.replace("<table:kind>", "csv")
    model = next((name for name in keys if f"/{name}/" in route), "")
    return "/" + KEY.sub(str(keys.get(model, 0)), route)


def expected() -> dict[tuple[str, str], dict[str, int]]:
    table: dict[tuple[str, str], dict[str, int]] = {}
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            route, method, *statuses = line.split()
            row = dict(zip(ROLES, map(int, statuses), strict=True))
            table[route.strip('"'), method] = row
    return table


def of_browsers() -> dict[tuple[str, str], dict[str, int]]:
    """Without the API, which answers tokens: tests/api/test_urls.py asks with one of each role."""
    return {line: row for line, row in expected().items() if not is_api(f"/{line[0]}")}


@pytest.fixture
def rows(node: Node, tomcat: Certificate) -> Keys:
    """Something at every address that captures a key."""
    notice = RestartNotice.objects.create(node=node, service="tomcat", opened_at=timezone.now())
    return {
        "certificate": tomcat.pk,
        "node": node.pk,
        "job": Job.objects.get(target__startswith="tomcat").pk,
        "restartnotice": notice.pk,
        "signingrequest": requested(node).pk,
        **observed(node, tomcat),
        "delivery": message().pk,
        "rule": rule().pk,
        "policy": policy().pk,
        "plan": Plan.objects.create(source="a", made_at=timezone.now()).pk,
        "cluster": cluster().pk,
        "user": User.objects.create(username="somebody").pk,
        "group": Group.objects.get(name="Auditor").pk,
        "tokens": api_token().pk,
    }


def api_token() -> ApiToken:
    """One of another user."""
    user = User.objects.create(username="scripts", is_superuser=True)
    scopes, by, now = ["certificates.view_certificate"], Actor("test"), timezone.now()
    return add_token(user, name="a", scopes=scopes, days=1, actor=by, now=now).row


def observed(node: Node, tomcat: Certificate) -> Keys:
    """An address, and a certificate that was seen there."""
    endpoint = Endpoint.objects.create(node=node, port=9, added_by="test")
    facts = read_facts(bytes(tomcat.der))
    row = Observed.objects.create_from(endpoint, facts, is_leaf=True, now=timezone.now())
    return {"endpoint": endpoint.pk, "observed": row.pk}


def message() -> Message:
    """One of which the delivery log tells."""
    row = Message.objects.create(channel="email", identifier="<1@test>", at=timezone.now())
    row.deliveries.create(address="ops@example.com", changed_at=timezone.now())
    return row


def policy() -> Policy:
    """One that is disabled, of this server and its peer."""
    hosts = {"source_address": "192.0.2.10", "destination_address": "192.0.2.11"}
    definition = Definition(group="a", name="a", **hosts)
    return add_policy(definition, preshared_key="a-good-key-1234", actor=Actor("test"))


def cluster() -> Cluster:
    """Another one that was confirmed."""
    return Cluster.objects.create(cluster_id=uuid4(), name="a", confirmed_at=timezone.now())


def rule() -> SilenceRule:
    by, now, value = Actor("test"), timezone.now(), "tomcat-trust"
    return add_rule(
        name="a", field="purpose", operator="is", value=value, reason="b", actor=by, now=now
    )


def requested(node: Node) -> SigningRequest:
    key, by, now = KeyChoice.RSA_1024, Actor("test"), timezone.now()
    return request_certificate(
        node, Purpose.IPSEC, key=key, confirmed=EVERYTHING, actor=by, now=now
    ).request


def ask(client: Client, method: str, url: str) -> int:
    data = {"csrfmiddlewaretoken": token(client)} if method == "POST" else None
    response = client.generic(method, url, data=encoded(data), content_type=FORM, headers=ORIGIN)
    if response.streaming:
        b"".join(response.streaming_content)
    return int(response.status_code)


ORIGIN = {"Referer": "https://testserver/", "Origin": "https://testserver"}
FORM = "application/x-www-form-urlencoded"
TOKEN = "a" * 32


def token(client: Client) -> str:
    client.cookies["__Host-ccxsec-csrf"] = TOKEN
    return TOKEN


def encoded(data: dict[str, str] | None) -> bytes:
    return "&".join(f"{k}={v}" for k, v in (data or {}).items()).encode()


def test_the_table_lists_every_route_and_no_other() -> None:
    found = set(routes(get_resolver().url_patterns))

    assert {route for route, _ in expected()} == found


# Who may do all reads all that there is to read: others and other methods ask the database no more.
_ALIKE = partial(pytest.param, marks=pytest.mark.any_database)
_ROLES = [*map(_ALIKE, ROLES[:-1]), ROLES[-1]]


@pytest.mark.django_db
@pytest.mark.parametrize("role", _ROLES)
@pytest.mark.parametrize("method", ["GET", "POST", *map(_ALIKE, ["HEAD", "PUT", "DELETE"])])
def test_everybody_gets_what_the_table_says(
    rows: Keys, as_role: Callable[..., Client], role: str, method: str
) -> None:
    wrong = []
    for (route, listed), statuses in of_browsers().items():
        if listed == {"HEAD": "GET"}.get(method, method) or (
            method in ("PUT", "DELETE") and listed == "GET"
        ):
            # Each request by a fresh session: signing out is one of the routes.
            client = as_role(role, enforce_csrf_checks=True, raise_request_exception=True)
            wanted = statuses[role] if method in ("GET", "HEAD", "POST") else 405
            if (route, method) == ("admin/login/", "HEAD"):
                wanted = 200  # Django sends a signed-in visitor on for GET alone
            status = ask(client, method, address(route, rows))
            if status != wanted:
                wrong.append(f"{method} {route} as {role}: {status}, the table says {wanted}")

    assert wrong == []


@pytest.mark.django_db
@pytest.mark.parametrize("role", _ROLES)
def test_a_post_without_the_csrf_token_is_refused_everywhere(
    rows: Keys, as_role: Callable[..., Client], role: str
) -> None:
    client = as_role(role, enforce_csrf_checks=True)
    with watched() as state:
        before = state()
        for route, method in of_browsers():
            if method == "POST":
                assert client.post(address(route, rows)).status_code == 403, route
                assert state() == before, route


@pytest.mark.django_db
def test_get_and_head_change_nothing(rows: Keys, as_role: Callable[..., Client]) -> None:
    client = as_role("Security administrator")
    with watched() as state:
        before = state()
        for route, method in expected():
            if method == "GET":
                for asked in ("GET", "HEAD"):
                    ask(client, asked, address(route, rows))
                    assert state() == before, f"{asked} {route} changed something"


@pytest.mark.django_db
def test_a_change_is_seen(rows: Keys) -> None:
    with watched() as state:
        before = state()
        assert state() == before
        Job.objects.create(kind="deploy", target="made behind the back of all pages")
        assert state() != before


@contextmanager
def watched() -> Iterator[Callable[[], str]]:
    """What tells the state; it reads the rows again only after a statement that writes."""
    known: dict[str, str] = {}

    def notice(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not sql.startswith(READS) and SESSIONS not in sql:
            known.clear()
        return execute(sql, *rest)

    def tell() -> str:
        known["rows"] = known.get("rows") or digest_of_rows()
        return f"{known['rows']} {len(mail.outbox)}"

    with connection.execute_wrapper(notice):
        yield tell


def digest_of_rows() -> str:
    """A digest of every row but sessions, which a request may touch."""
    digest = hashlib.sha256()
    for model in apps.get_models():
        if model._meta.label not in ("sessions.Session",):
            columns = [f.attname for f in model._meta.concrete_fields if f.name != "last_login"]
            rows = model._default_manager.order_by("pk").values_list(*columns)
            digest.update(repr([model._meta.label, *map(repr, rows)]).encode())
    return digest.hexdigest()


def state() -> str:
    """That digest, and how many messages were sent."""
    return f"{digest_of_rows()} {len(mail.outbox)}"
