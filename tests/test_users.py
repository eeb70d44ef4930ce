"""Who may change users, and is no superuser, changes no superuser and makes none."""

from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User

from ccxsec_project.management.commands.up import Command
from tests.conftest import HttpsClient

pytestmark = [pytest.mark.spec("MN-2"), pytest.mark.django_db]
PASSWORD = "correct-horse-battery-staple"
NEW = {"password1": "a-new-long-password-7", "password2": "a-new-long-password-7"}


@pytest.fixture
def root() -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def keeper() -> User:
    """Somebody who keeps the users."""
    user = User.objects.create_user("keeper", password=PASSWORD, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__model="user"))
    return user


@pytest.fixture
def client(keeper: User) -> HttpsClient:
    client = HttpsClient()
    client.force_login(keeper)
    return client


def test_nobody_gets_a_superusers_account(client: HttpsClient, root: User) -> None:
    page = f"/admin/auth/user/{root.pk}"
    before = root.password

    answers = [
        client.post(f"{page}/password/", NEW | {"usable_password": "true"}),
        client.post(f"{page}/change/", {"username": "root", "is_active": ""}),
        client.post(f"{page}/delete/", {"post": "yes"}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    root.refresh_from_db()
    assert (root.password, root.is_active) == (before, True)
    assert client.get(f"{page}/change/").status_code == 200  # to be seen


def test_nobody_becomes_one(client: HttpsClient, keeper: User) -> None:
    sent = {"username": "keeper", "is_active": "on", "is_staff": "on", "is_superuser": "on"}

    answer = client.post(f"/admin/auth/user/{keeper.pk}/change/", sent)

    assert answer.status_code == 302
    keeper.refresh_from_db()
    assert not keeper.is_superuser


def test_others_are_changed_as_before(client: HttpsClient) -> None:
    other = User.objects.create_user("other", password=PASSWORD)

    answer = client.post(
        f"/admin/auth/user/{other.pk}/password/", NEW | {"usable_password": "true"}
    )

    assert answer.status_code == 302
    other.refresh_from_db()
    assert other.check_password(NEW["password1"])


def test_a_superuser_makes_another(root: User, keeper: User) -> None:
    client = HttpsClient()
    client.force_login(root)
    sent = {"username": "keeper", "is_active": "on", "is_staff": "on", "is_superuser": "on"}

    client.post(f"/admin/auth/user/{keeper.pk}/change/", sent)

    keeper.refresh_from_db()
    assert keeper.is_superuser


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_superuser": False}])
def test_a_start_needs_no_superuser_and_brings_none_back(change: dict[str, bool]) -> None:
    User.objects.create_superuser("admin", password=PASSWORD)
    User.objects.update(**change)
    said = StringIO()

    Command(stdout=said).make_administrator()

    assert User.objects.count() == 1
    assert not User.objects.filter(is_superuser=True, is_active=True).exists()
    assert "There is no active superuser, and admin is not made one again." in said.getvalue()
