"""Sign-in by the password of a real LDAP directory: whom it lets in, and to whose account."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from pytest_django import Settings

from ccxsec_project.authentication import directory as module
from ccxsec_project.authentication import directory_backend
from ccxsec_project.authentication.accounts import account_of
from ccxsec_project.authentication.models import Attempts, ExternalIdentity
from ccxsec_project.authentication.oidc import Identity
from certificates.models import Action, Event
from certificates.operations.install import make_groups
from tests.conftest import HttpsClient
from tests.ldap_server import (
    BASE,
    PASSWORD,
    READER,
    READER_PASSWORD,
    Directory,
    group,
    person,
    running,
)

pytestmark = [pytest.mark.spec("MN-2"), pytest.mark.django_db]
LIST = "/admin/certificates/certificate/"
BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "ccxsec_project.authentication.directory_backend.DirectoryBackend",
]


@pytest.fixture(scope="module")
def server() -> Iterator[Directory]:
    with running(
        *(person(name) for name in ("ann", "bob", "eve", "odd*name", "admin", "ümit")),
        person("twin", uid="twin"),
        person("other twin", uid="twin"),
        person("space", uid="not a name"),
        person("sue", uid="another"),
        person("{name}", uid="sue"),
        group("ccx-operators", "ann", "odd*name", "twin", "other twin", "space", "admin", "ümit"),
        group("ccx-security", "bob", "sue"),
        group("ccx-security", "eve", unit="others"),
    ) as directory:
        yield directory


@pytest.fixture
def directory(server: Directory, settings: Settings, db: None) -> Directory:
    make_groups()
    settings.AUTHENTICATION_BACKENDS = BACKENDS
    settings.CCXSEC_LDAP_URL = f"ldaps://localhost:{server.tls_port}"
    settings.CCXSEC_LDAP_BASE = BASE
    settings.CCXSEC_LDAP_BIND_DN, settings.CCXSEC_LDAP_BIND_PASSWORD = READER, READER_PASSWORD
    settings.CCXSEC_LDAP_GROUP_BASE = f"ou=groups,{BASE}"
    settings.CCXSEC_LDAP_CA_FILE = str(server.ca_file)
    settings.CCXSEC_LDAP_GROUPS = [
        ("ccx-operators", "Operator"),
        ("ccx-security", "Security administrator"),
    ]
    return server


def sign_in(client: HttpsClient, name: str, password: str = PASSWORD) -> Any:
    return client.post("/admin/login/", {"username": name, "password": password, "next": LIST})


def said(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_somebody_new_gets_an_account_in_the_groups_of_the_directory(directory: Directory) -> None:
    client = HttpsClient()

    assert sign_in(client, "ann")["Location"] == LIST
    assert client.get(LIST).status_code == 200
    user = User.objects.get(username="ann")
    assert [one.name for one in user.groups.all()] == ["Operator"]
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (True, False, False)
    told = Event.objects.filter(action__in=(Action.USER_ADD, Action.USER_CHANGE))
    assert {event.actor for event in told} == {"LDAP directory, 127.0.0.1"}


def test_starttls_comes_before_any_password(directory: Directory, settings: Settings) -> None:
    settings.CCXSEC_LDAP_URL = f"ldap://localhost:{directory.port}"

    assert sign_in(HttpsClient(), "ann").status_code == 302


@pytest.mark.parametrize("password", ["wrong", " " + PASSWORD, READER_PASSWORD])
def test_a_wrong_password_lets_nobody_in(directory: Directory, password: str) -> None:
    assert "correct username and password" in said(sign_in(HttpsClient(), "ann", password))
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "name", ["nobody", "*", "an*", "ann)(uid=*", "ann)(|(uid=bob", "a\u00adnn", "cn=ann", "ccxsec"]
)
def test_a_name_is_a_name_and_no_search(directory: Directory, name: str) -> None:
    assert "correct username and password" in said(sign_in(HttpsClient(), name))
    assert not User.objects.exists()


def test_an_empty_password_is_no_password(directory: Directory) -> None:
    assert module.find("ann", "") is None
    assert module.find("ann", PASSWORD)


@pytest.mark.parametrize("name", ["ann", "nobody"])
@pytest.mark.parametrize("password", ["\u00ad", "\ufeff", "\u0007abc", "a\u0627b", "\ue000"])
def test_an_odd_password_is_a_wrong_one(directory: Directory, name: str, password: str) -> None:
    """It neither tells that somebody has the name, nor is it one more attempt for nothing."""
    assert "correct username and password" in said(sign_in(HttpsClient(), name, password))
    assert Attempts.objects.filter(failures=1).count() == 3


def test_capital_letters_are_one_account_and_one_count(
    directory: Directory, settings: Settings
) -> None:
    sign_in(HttpsClient(), "ANN")
    assert [user.username for user in User.objects.all()] == ["ann"]

    for name in ("ann", "Ann", "aNn", "anN", "ANN"):
        sign_in(HttpsClient(), name, "wrong")
    assert "too many failed attempts" in said(sign_in(HttpsClient(), "ann"))


def test_the_groups_are_set_anew_at_each_sign_in(directory: Directory, settings: Settings) -> None:
    sign_in(HttpsClient(), "ann")
    user = User.objects.get(username="ann")
    settings.CCXSEC_LDAP_GROUPS = [("ccx-operators", "Auditor")]
    sign_in(HttpsClient(), "ann")
    assert [one.name for one in user.groups.all()] == ["Auditor"]

    settings.CCXSEC_LDAP_GROUPS = [("gone", "Auditor")]
    assert "no group of the directory" in said(sign_in(HttpsClient(), "ann"))
    assert not user.groups.exists()
    assert not Attempts.objects.filter(failures__gt=0).exists()


def test_a_group_elsewhere_in_the_directory_counts_for_nothing(directory: Directory) -> None:
    """Who may make groups in a unit of his or her own makes nobody an administrator here."""
    assert "no group of the directory" in said(sign_in(HttpsClient(), "eve"))
    assert not User.objects.exists()


def test_an_entry_is_in_its_own_groups_whatever_it_is_called(directory: Directory) -> None:
    """Its name in the filter is no place for the name of the person."""
    assert "no group of the directory" in said(sign_in(HttpsClient(), "sue"))
    assert sign_in(HttpsClient(), "another").status_code == 302


def test_a_local_user_is_neither_taken_over_nor_told_to_the_directory(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    User.objects.create_superuser("Admin", password="local horse, local battery")
    User.objects.create_superuser("Ümit", password="local horse, local battery")
    monkeypatch.setattr(
        "ccxsec_project.authentication.directory_backend.find", lambda *_: pytest.fail("asked")
    )

    for name in ("admin", "Admin", "Ümit", "ümit"):
        assert "correct username and password" in said(sign_in(HttpsClient(), name))
    assert sign_in(HttpsClient(), "Admin", "local horse, local battery").status_code == 302


def test_a_local_user_signs_in_while_the_directory_is_gone(
    directory: Directory, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.create_superuser("root", password="local horse, local battery")
    settings.CCXSEC_LDAP_URL = "ldaps://localhost:1"
    with caplog.at_level(logging.WARNING):
        for _ in range(7):
            assert "gives no answer" in said(sign_in(HttpsClient(), "ann"))

    assert sign_in(HttpsClient(), "root", "local horse, local battery").status_code == 302
    assert not Attempts.objects.filter(failures__gt=0).exists()
    assert "localhost" in caplog.text
    assert PASSWORD not in caplog.text


def test_the_next_server_is_asked_where_the_first_is_gone(
    directory: Directory, settings: Settings
) -> None:
    settings.CCXSEC_LDAP_URL = f"ldaps://localhost:1, {settings.CCXSEC_LDAP_URL}"

    assert sign_in(HttpsClient(), "ann").status_code == 302


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_server_that_can_not_prove_its_name_is_told_nothing(
    directory: Directory, settings: Settings, caplog: pytest.LogCaptureFixture, scheme: str
) -> None:
    """Its certificate is good for localhost, not for the address."""
    port = directory.tls_port if scheme == "ldaps" else directory.port
    settings.CCXSEC_LDAP_URL = f"{scheme}://127.0.0.1:{port}"
    assert "certificate can&#x27;t be trusted" in said(sign_in(HttpsClient(), "ann"))
    assert "certificate is not valid for '127.0.0.1'" in caplog.text

    settings.CCXSEC_LDAP_URL = f"{scheme}://localhost:{port}"
    settings.CCXSEC_LDAP_CA_FILE = ""
    assert "certificate can&#x27;t be trusted" in said(sign_in(HttpsClient(), "ann"))


def test_the_log_says_what_the_page_says_it_does(
    directory: Directory, settings: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    wrong = {
        "CCXSEC_LDAP_BIND_PASSWORD": ("another", settings.CCXSEC_LDAP_BIND_DN),
        "CCXSEC_LDAP_BASE": ("ou=nowhere,dc=example,dc=com", "'ou=nowhere,dc=example,dc=com'"),
        "CCXSEC_LDAP_CA_FILE": (str(tmp_path / "none.pem"), "none.pem"),
    }
    for name, (value, word) in wrong.items():
        right = getattr(settings, name)
        caplog.clear()
        setattr(settings, name, value)
        assert "the log says more" in said(sign_in(HttpsClient(), "ann"))
        assert word in caplog.text
        assert "another" not in caplog.text
        setattr(settings, name, right)


def test_a_name_that_two_have_is_nobodys(directory: Directory) -> None:
    assert "more than one entry" in said(sign_in(HttpsClient(), "twin"))


@pytest.mark.parametrize("name", ["odd*name", "not a name"])
def test_a_name_that_can_be_none_here_is_told(directory: Directory, name: str) -> None:
    assert "can&#x27;t be one here" in said(sign_in(HttpsClient(), name))
    assert not User.objects.exists()
    assert not ExternalIdentity.objects.exists()


def test_who_was_switched_off_here_stays_out(directory: Directory) -> None:
    sign_in(HttpsClient(), "ann")
    User.objects.update(is_active=False)

    assert "switched off" in said(sign_in(HttpsClient(), "ann"))
    told = Event.objects.get(action=Action.SIGN_IN_FAILED)
    assert told.actor == "ann, 127.0.0.1"


def test_the_account_follows_the_entry(directory: Directory, server: Directory) -> None:
    sign_in(HttpsClient(), "ann")
    User.objects.update(username="ann-of-before")
    User.objects.create_user("bob", password="x" * 20)

    assert sign_in(HttpsClient(), "ann").status_code == 302
    assert sorted(User.objects.values_list("username", flat=True)) == ["ann", "bob"]


def test_somebody_of_a_provider_keeps_nobody_of_the_directory_out(
    directory: Directory, settings: Settings
) -> None:
    sign_in(HttpsClient(), "ann")
    settings.CCXSEC_OIDC_GROUPS = [("staff", "Auditor")]
    made = account_of(Identity("https://id.example.com", "1", "ANN", ("staff",), "/admin/", None))

    assert made.username == "ANN-2"
    assert sign_in(HttpsClient(), "ann").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_a_name_is_compared_and_changed_in_one_transaction(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(HttpsClient(), "ann")
    User.objects.update(username="ann-of-before")
    named, within = directory_backend._named, []

    def look(*given: Any) -> None:
        within.append(connection.in_atomic_block)
        named(*given)

    monkeypatch.setattr(directory_backend, "_named", look)
    sign_in(HttpsClient(), "ann")

    assert within == [True]
    assert User.objects.get().username == "ann"


def test_the_password_is_asked_again_and_judged_by_the_directory(directory: Directory) -> None:
    client = HttpsClient()
    sign_in(client, "bob")
    session = client.session
    session["proved_at"] = 0
    session.save()
    page = client.get("/admin/prove/?next=/admin/")
    assert 'name="proof_password"' in page.content.decode()

    for password, word in (("wrong", "That is not the password."), (PASSWORD, "")):
        answer = client.post("/admin/prove/?next=/admin/", {"proof_password": password})
        assert (word in answer.content.decode()) if word else answer.status_code == 302


def test_a_silent_server_does_not_come_to_hold_every_thread(
    directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [module._places.acquire(blocking=False) for _ in range(module._places._value)]
    try:
        assert "gives no answer" in said(sign_in(HttpsClient(), "ann"))
    finally:
        for _ in taken:
            module._places.release()
    assert sign_in(HttpsClient(), "ann").status_code == 302
