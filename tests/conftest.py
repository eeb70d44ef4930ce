"""What the tests share: a node, people in their groups, certificates, and the missing-part rule."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client, TransactionTestCase
from pytest_django import DjangoDbBlocker, Settings
from xdist.scheduler import LoadScopeScheduling

from certificates.access import Actor
from certificates.admin.remembered import forget
from certificates.models import Certificate, Event, Node, Purpose
from certificates.operations import generate, install
from certificates.operations.install import make_groups
from certificates.x509.policy import KeyChoice
from tests.parts import needs
from tests.prepared import Migrated, Prepared

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SLOW = {"browser", "lab", "upgrade", "reliability"}  # folders, which begin: others fill the end
SHARING = ("tests/browser/", "tests/lab/ipsec/")  # of a folder, one process does all
ROLES = ("anonymous", "staff", "Auditor", "Operator", "Security administrator")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begins with what is slow, and marks what touches a database."""
    items.sort(key=lambda item: not SLOW & set(item.path.relative_to(config.rootpath).parts))
    for item in items:
        if "db" in getattr(item, "fixturenames", ()) or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.database)


class ByFile(LoadScopeScheduling):
    """On several processes a file stays on one, and so do those that share something dear.

    Those of the browser share a product, in order; those of IPsec hosts, and a kernel.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in SHARING if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A test that commits leaves the database as `migrate` did."""
    with django_db_blocker.unblock():
        migrated = Migrated()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: migrated.put_back())
        yield


@pytest.fixture(autouse=True)
def _own_files(settings: Settings, tmp_path: Path) -> None:
    """No test sees the files of another."""
    settings.CCXSEC_DATA = tmp_path
    settings.CCXSEC_STORE = tmp_path / "store"
    settings.CCXSEC_AUDIT_ANCHOR = tmp_path / "audit.anchor"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(autouse=True)
def _own_pages() -> None:
    """No test is shown a page of another, whose settings were others."""
    forget()


@pytest.fixture
def actor() -> Actor:
    return Actor("test")


@pytest.fixture
def nobody(db: None) -> Actor:
    """Somebody who may do nothing."""
    return Actor("nobody", User.objects.create(username="nobody"))


def make_node() -> None:
    """The local node with its certificates, as `./ccxsec up` makes it (with quick keys)."""
    actor = Actor("test")
    make_groups()
    row = Node.objects.create(
        host_name="ccx1.example.com", addresses=["192.0.2.10"], role="publisher", is_local=True
    )
    for purpose in Purpose.own():
        generate(row, purpose, key=KeyChoice.EC_P256, replacing="", actor=actor, now=NOW)
    install(host_name="unused", addresses=[], actor=actor, now=NOW)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(make_node, tmp_path_factory.mktemp("prepared") / "data")


@pytest.fixture
def node(db: None, prepared: Prepared, tmp_path: Path) -> Node:
    """The local node with its certificates."""
    if Event.objects.exists():  # another fixture has made something before
        make_node()
    else:
        prepared.put(tmp_path)
        if not connection.in_atomic_block:  # as the commit of what was copied would have done
            Event.objects.anchor_newest()
    return Node.objects.local()


@pytest.fixture
def tomcat(node: Node) -> Certificate:
    return node.certificates.active().for_purpose(Purpose.TOMCAT).get()


@pytest.fixture
def person(node: Node) -> Callable[[str], User | None]:
    """Somebody in a role of `ROLES`; None for nobody."""

    def make(role: str) -> User | None:
        if role == "anonymous":
            return None
        user, _ = User.objects.get_or_create(username=role.replace(" ", "-"), is_staff=True)
        if role != "staff":
            user.groups.set([Group.objects.get(name=role)])
        return user

    return make


class HttpsClient(Client):
    """Django's client, as a browser over HTTPS."""

    def generic(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["secure"] = True
        return super().generic(*args, **kwargs)


@pytest.fixture
def client() -> HttpsClient:
    return HttpsClient()


@pytest.fixture
def as_role(person: Callable[[str], User | None]) -> Callable[..., HttpsClient]:
    """A client that is signed in as somebody of that role."""

    def sign_in(role: str, **options: Any) -> HttpsClient:
        client, user = HttpsClient(**options), person(role)
        if user is not None:
            client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def administrator(as_role: Callable[..., HttpsClient]) -> HttpsClient:
    return as_role("Security administrator")


@pytest.fixture(scope="session")
def openssl() -> str:
    return needs("openssl", "openssl")
