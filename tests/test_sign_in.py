"""Signing in: limits, the second factor, and who must have one."""

import time
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from ccxsec_project.authentication import lock_out, second_factor
from ccxsec_project.authentication.models import Attempts, RecoveryCode, Totp
from certificates.models import Action, Event
from certificates.models.secret import Secret
from certificates.refusal import Refused
from tests.conftest import HttpsClient

pytestmark = [pytest.mark.spec("MN-2"), pytest.mark.django_db]
PASSWORD = "correct-horse-battery-staple"


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """How slow a hash is made is Django's, and is not what is tried here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ann(db: None) -> User:
    return User.objects.create_superuser("ann", password=PASSWORD)


def enter(client: Client, name: str, password: str, address: str = "192.0.2.1") -> Any:
    form = {"username": name, "password": password, "next": "/admin/auth/user/"}
    return client.post("/admin/login/", form, REMOTE_ADDR=address)


def is_in(response: Any) -> bool:
    return response.status_code == 302 and response["Location"] == "/admin/auth/user/"


def locked(response: Any) -> bool:
    return "too many failed attempts" in response.content.decode()


def code_of(user: User, steps: int = 0) -> str:
    key = Secret.objects.plain(Totp.objects.get(user=user).secret_name)
    assert key
    return TOTP(key, 6, SHA1(), 30).generate(time.time() + 30 * steps).decode()


def set_up(user: User) -> list[str]:
    """An app for `user`, confirmed by its code; the recovery codes."""
    second_factor.begin_app(user)
    return second_factor.confirm_app(user, code_of(user, -1), actor="test", now=timezone.now())


def second(client: Client, code: str) -> Any:
    return client.post("/admin/login/second/?next=/admin/auth/user/", {"code": code})


@pytest.mark.parametrize("name", ["ann", "nobody-of-that-name"])
def test_failures_lock_a_name_from_an_address_whether_it_exists_or_not(
    ann: User, name: str
) -> None:
    said = [enter(HttpsClient(), name, "wrong") for _ in range(6)]
    right = enter(HttpsClient(), name, PASSWORD)

    assert [locked(answer) for answer in said] == [False] * 5 + [True]
    assert locked(right)
    assert len({answer.content for answer in said[:1]}) == 1
    assert Event.objects.filter(action=Action.SIGN_IN_LOCKED).count() == 1
    assert Event.objects.filter(action=Action.SIGN_IN_FAILED).count() == 5
    assert not Attempts.objects.filter(name_code=name).exists()


def test_the_lock_ends_by_itself(ann: User, settings: Settings) -> None:
    for _ in range(6):
        enter(HttpsClient(), "ann", "wrong")
    long_ago = timezone.now() - timedelta(seconds=settings.CCXSEC_LOCK_OUT_SECONDS)
    Attempts.objects.update(last_at=long_ago, began_at=long_ago)

    assert is_in(enter(HttpsClient(), "ann", PASSWORD))


def test_a_lock_of_one_address_leaves_others_in(ann: User) -> None:
    for _ in range(6):
        enter(HttpsClient(), "ann", "wrong", "192.0.2.9")

    assert is_in(enter(HttpsClient(), "ann", PASSWORD))


def test_nobody_can_keep_a_person_out_where_that_person_is_known(
    ann: User, settings: Settings
) -> None:
    settings.CCXSEC_LOCK_OUT_AFTER = 2
    assert is_in(enter(HttpsClient(), "ann", PASSWORD, "192.0.2.1"))
    for number in range(20):
        enter(HttpsClient(), "ann", "wrong", f"198.51.100.{number}")

    assert locked(enter(HttpsClient(), "ann", PASSWORD, "203.0.113.1"))
    assert is_in(enter(HttpsClient(), "ann", PASSWORD, "192.0.2.1"))
    assert locked(enter(HttpsClient(), "ann", PASSWORD, "203.0.113.1"))  # not lifted by that


def test_names_tried_in_turn_lock_their_address(ann: User, settings: Settings) -> None:
    settings.CCXSEC_LOCK_OUT_AFTER = 2
    for number in range(20):
        assert not locked(enter(HttpsClient(), f"name{number}", "wrong"))

    assert locked(enter(HttpsClient(), "another", "wrong"))
    assert Event.objects.filter(action=Action.SIGN_IN_LOCKED).count() == 1


def test_one_site_of_ipv6_counts_as_one_address(ann: User) -> None:
    for number in range(5):
        enter(HttpsClient(), "ann", "wrong", f"2001:db8::{number}")

    assert locked(enter(HttpsClient(), "ann", PASSWORD, "2001:db8::ffff"))
    assert not locked(enter(HttpsClient(), "ann", PASSWORD, "2001:db8:0:1::1"))


def test_behind_a_proxy_the_address_is_that_of_the_client(ann: User, settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    form = {"username": "ann", "password": "wrong"}
    for _ in range(6):
        headers = {"X-Forwarded-For": "10.0.0.1, 198.51.100.7", "X-Forwarded-Proto": "https"}
        HttpsClient().post("/admin/login/", form, headers=headers)

    assert Attempts.objects.filter(address="198.51.100.7").exists()
    assert not Attempts.objects.filter(address__startswith="10.").exists()


def test_an_administrator_unlocks_by_screen_and_by_command(
    ann: User, capsys: pytest.CaptureFixture[str]
) -> None:
    other = User.objects.create_superuser("bob")
    client = HttpsClient()
    client.force_login(other)
    for unlock in (
        lambda: client.post(f"/admin/auth/user/{ann.pk}/unlock/"),
        lambda: call_command("users", "unlock", "ann"),
    ):
        for _ in range(6):
            enter(HttpsClient(), "ann", "wrong")
        assert "Locked" in client.get(f"/admin/auth/user/{ann.pk}/change/").content.decode()
        unlock()
        assert is_in(enter(HttpsClient(), "ann", PASSWORD))

    assert Event.objects.filter(action=Action.SIGN_IN_UNLOCK).count() == 2


def test_the_second_factor_is_asked_before_anything_is_shown(ann: User) -> None:
    set_up(ann)
    client = HttpsClient()
    before = client.session.session_key
    response = enter(client, "ann", PASSWORD)
    middle = client.session.session_key

    assert response["Location"] == "/admin/login/second/?next=%2Fadmin%2Fauth%2Fuser%2F"
    assert client.get("/admin/auth/user/").status_code == 302
    assert "Code of the app" in client.get(response["Location"]).content.decode()

    assert is_in(second(client, code_of(ann)))
    assert client.get("/admin/auth/user/").status_code == 200
    assert len({before, middle, client.session.session_key}) == 3


def test_a_code_is_taken_once(ann: User) -> None:
    set_up(ann)
    code = code_of(ann)
    first, again = HttpsClient(), HttpsClient()
    enter(first, "ann", PASSWORD)
    enter(again, "ann", PASSWORD)

    assert is_in(second(first, code))
    assert second(again, code).status_code == 422
    assert Event.objects.filter(action=Action.PROOF_FAILED).count() == 1


@pytest.mark.parametrize(("steps", "accepted"), [(-1, False), (0, True), (1, True), (3, False)])
def test_a_clock_may_be_one_step_wrong_and_no_code_is_older_than_the_last(
    ann: User, steps: int, accepted: bool
) -> None:
    set_up(ann)  # by the code of the step before
    client = HttpsClient()
    enter(client, "ann", PASSWORD)

    assert is_in(second(client, code_of(ann, steps))) is accepted


def test_guessing_codes_is_limited_also_by_who_knows_the_password(ann: User) -> None:
    set_up(ann)
    for _ in range(5):
        client = HttpsClient()
        enter(client, "ann", PASSWORD, "127.0.0.1")
        assert second(client, "000000").status_code == 422

    assert locked(enter(client, "ann", PASSWORD, "127.0.0.1"))
    assert locked(second(client, code_of(ann)))


def test_a_recovery_code_lets_in_once(ann: User) -> None:
    codes = set_up(ann)
    first, again = HttpsClient(), HttpsClient()
    enter(first, "ann", PASSWORD)
    enter(again, "ann", PASSWORD)

    assert len(codes) == 10
    assert is_in(second(first, codes[3].upper()))
    assert second(again, codes[3]).status_code == 422
    assert second_factor.codes_left(ann) == 9


def test_a_password_that_is_changed_meanwhile_ends_the_half_sign_in(ann: User) -> None:
    set_up(ann)
    client = HttpsClient()
    enter(client, "ann", PASSWORD)
    ann.set_password("another-correct-horse")
    ann.save()

    assert second(client, code_of(ann))["Location"].startswith("/admin/login/?")
    assert client.get("/admin/").status_code == 302


def test_nothing_of_it_lies_open_in_the_database(ann: User) -> None:
    codes = set_up(ann)
    totp = Totp.objects.get(user=ann)
    key = Secret.objects.plain(totp.secret_name)
    assert key

    stored = repr(list(Totp.objects.values())) + repr(list(RecoveryCode.objects.values()))
    assert key not in bytes(Secret.objects.get(name=totp.secret_name).sealed)
    assert not any(code in stored for code in codes)
    totp.delete()
    assert not Secret.objects.filter(name=totp.secret_name).exists()


def test_an_app_is_in_force_after_its_first_code(ann: User) -> None:
    client = HttpsClient()
    client.force_login(ann)
    shown = client.post("/admin/second-factor/app/").content.decode()
    assert "qr-code" in shown
    assert not second_factor.is_enrolled(ann)

    wrong = client.post("/admin/second-factor/app/confirm/", {"code": "000000"})
    assert wrong.status_code == 422
    right = client.post("/admin/second-factor/app/confirm/", {"code": code_of(ann)})
    assert right.content.decode().count("<li>") >= 10
    assert second_factor.has_app(ann)
    assert client.post("/admin/second-factor/app/").status_code == 302  # no second one
    assert "qr-code" not in client.get("/admin/second-factor/").content.decode()


def test_who_has_lost_it_is_let_in_again(ann: User) -> None:
    set_up(ann)
    call_command("users", "reset-second-factor", "ann")

    assert is_in(enter(HttpsClient(), "ann", PASSWORD))
    assert not RecoveryCode.objects.filter(user=ann).exists()
    assert Event.objects.filter(action=Action.SECOND_FACTOR_RESET).count() == 1


@pytest.mark.parametrize(
    ("who", "is_administrator", "confined"),
    [
        ("nobody", True, False),
        ("administrators", True, True),
        ("administrators", False, False),
        ("everybody", False, True),
    ],
)
def test_who_must_have_one_sets_it_up_first(
    settings: Settings, ann: User, who: str, is_administrator: bool, confined: bool
) -> None:
    settings.CCXSEC_REQUIRE_SECOND_FACTOR = who
    plain = User.objects.create(username="plain", is_staff=True)
    client, user = HttpsClient(), ann if is_administrator else plain
    client.force_login(user)

    assert (client.get("/admin/").status_code == 302) is confined
    assert client.get("/admin/second-factor/").status_code == 200
    if confined:
        set_up(user)
        assert client.get("/admin/").status_code == 200
        with pytest.raises(Refused, match="You must have"):
            second_factor.remove_app(user, actor="test")


def test_a_hundred_at_once_are_a_hundred(ann: User) -> None:
    """Counted before the password is looked at, so that attempts side by side don't all pass."""
    attempts = [lock_out.Attempt("ann", "192.0.2.1", "ann") for _ in range(6)]
    for attempt in attempts[:5]:
        attempt.begin(now=timezone.now())

    with pytest.raises(Refused, match="too many"):
        attempts[5].begin(now=timezone.now())


def test_who_signs_out_is_told_so_and_led_back(administrator: HttpsClient) -> None:
    page = administrator.post("/admin/logout/").content.decode()

    assert "You are signed out." in page
    assert "Sign in again" in page
