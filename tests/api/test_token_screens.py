"""API tokens on their screens, and by the command (MN-2)."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ccxsec_project.api.models import ApiToken
from ccxsec_project.api.token_text import read_token
from certificates.access import Permission
from certificates.models import Event, Node
from tests.api.conftest import ApiClient, token_of
from tests.commanding import Commanding

pytestmark = [pytest.mark.django_db, pytest.mark.spec("MN-2")]
VIEW = Permission.VIEW.value
command = Commanding("token")


def test_a_token_is_shown_once_and_works(as_role: Callable[..., Client]) -> None:
    client = as_role("Operator")
    asked = client.get("/admin/tokens/add/").content.decode()
    assert VIEW in asked
    assert Permission.VIEW_EVENTS.value not in asked  # which operators don't have

    form = {"name": "nightly", "days": "30", "scopes": [VIEW], "networks": "127.0.0.0/8; ::1"}
    shown = client.post("/admin/tokens/add/", form)

    found = re.search(r"ccxsec_[a-z2-7]+", shown.content.decode())
    assert found is not None
    assert shown["Cache-Control"] == "no-store"
    assert read_token(found[0]) is not None
    assert ApiClient(found[0]).ask("GET", "/certificates").status_code == 200
    listed = client.get("/admin/tokens/").content.decode()
    assert "nightly" in listed
    assert found[0] not in listed
    assert [event.actor for event in Event.objects.filter(action="token:add")] == [
        "Operator, 127.0.0.1"
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "a, b"), ("days", "4000"), ("scopes", "auth.add_user"), ("networks", "here")],
)
def test_what_can_not_be_is_told_at_its_field(
    as_role: Callable[..., Client], field: str, value: str
) -> None:
    form = {"name": "a", "days": "30", "scopes": [VIEW], "networks": ""} | {field: value}

    answer = as_role("Operator").post("/admin/tokens/add/", form)

    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_administrators_see_and_revoke_those_of_others(
    person: Callable[[str], User], as_role: Callable[..., Client]
) -> None:
    text = token_of(User.objects.get(pk=person("Operator").pk), VIEW, name="theirs")
    key = ApiToken.objects.get().pk
    auditor, administrator = as_role("Auditor"), as_role("Security administrator")
    User.objects.filter(username="Security-administrator").update(is_superuser=True)

    assert "theirs" not in auditor.get("/admin/tokens/").content.decode()
    assert auditor.post(f"/admin/tokens/{key}/revoke/").status_code == 404
    assert ApiClient(text).ask("GET", "/certificates").status_code == 200
    assert "theirs" in administrator.get("/admin/tokens/").content.decode()
    assert administrator.get(f"/admin/tokens/{key}/revoke/").status_code == 200
    assert administrator.post(f"/admin/tokens/{key}/revoke/").status_code == 302
    assert ApiClient(text).ask("GET", "/certificates").status_code == 401


def test_the_command_makes_lists_and_revokes(node: Node, person: Callable[[str], User]) -> None:
    person("Operator")

    made = command.run("add", "nightly", "--user", "Operator", "--scope", VIEW, "--days", "1")
    api = ApiClient(made["token"])
    assert api.ask("GET", "/certificates").status_code == 200
    [listed] = command.run("list")
    assert (listed["name"], listed["state"]) == ("nightly", "in force")
    assert made["token"] not in str(listed)
    assert command.run("revoke", "nightly", "--user", "Operator")["revoked"] == "nightly"
    assert api.ask("GET", "/certificates").status_code == 401
    assert "was revoked already" in command.refused("revoke", "nightly", "--user", "Operator")
    assert "There is no user" in command.refused("list", "--user", "nobody")
    assert "no permission" in command.refused(
        "add", "b", "--user", "Operator", "--scope", Permission.VIEW_EVENTS.value
    )
