"""API tokens: what they are, what they allow, and when they stop (MN-2)."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from pytest_django import Settings

from ccxsec_project.api.failures import LIMIT
from ccxsec_project.api.models import ApiToken
from ccxsec_project.api.operations import add_token, revoke_token
from ccxsec_project.api.token_text import new_token, read_token
from certificates.access import Actor, Permission
from certificates.models import Event, Node
from certificates.refusal import Refused
from tests.api.conftest import ApiClient, token_of

pytestmark = [pytest.mark.django_db, pytest.mark.spec("MN-2")]
VIEW = Permission.VIEW.value


@pytest.fixture
def operator(person: Callable[[str], User | None]) -> User:
    user = person("Operator")
    assert user is not None
    return User.objects.get(pk=user.pk)


def test_a_token_has_256_random_bits_and_is_recognised() -> None:
    texts = {new_token().text for _ in range(100)}

    assert len(texts) == 100
    for text in texts:
        assert text.startswith("ccxsec_")
        read = read_token(text)
        assert read is not None
        assert len(read.digest) == 64
        assert text not in repr(read)
    # 60 characters of base32 are its identifier (40 bits) and the secret (256 bits).
    assert {len(text) for text in texts} == {len("ccxsec_") + 8 + 52 + 7}


def test_a_mistyped_token_is_recognised_without_the_database() -> None:
    text = new_token().text
    for at in range(len(text)):
        other = "a" if text[at] != "a" else "b"
        assert read_token(text[:at] + other + text[at + 1 :]) is None


def test_the_database_holds_no_token(operator: User) -> None:
    text = token_of(operator)
    row = ApiToken.objects.get()

    kept = [str(getattr(row, field.attname)) for field in ApiToken._meta.concrete_fields]
    assert not any(text[20:50] in value for value in kept)
    assert read_token(text).digest == row.digest  # type: ignore[union-attr] # it is one of ours


def test_it_acts_as_its_user_and_is_named_in_the_audit(
    node: Node, api_as: Callable[..., ApiClient]
) -> None:
    api = api_as("Operator", name="nightly")
    fingerprint = node.certificates.active().get(purpose="ipsec").fingerprint
    body = {"purpose": "ipsec", "key": "ec-p256", "replacing": fingerprint}

    answer = api.ask("POST", "/certificates/generate", body)

    assert answer.status_code == 201, answer.content
    event = Event.objects.filter(action="certificate:generate").first()
    assert event is not None
    assert event.actor == "Operator, token nightly, 127.0.0.1"


@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(lambda user: user.groups.clear(), id="the group is lost"),
        pytest.param(
            lambda user: User.objects.filter(pk=user.pk).update(is_active=False), id="disabled"
        ),
        pytest.param(lambda user: user.delete(), id="deleted"),
        pytest.param(
            lambda user: revoke_token(
                ApiToken.objects.get(), actor=Actor("test"), now=timezone.now()
            ),
            id="revoked",
        ),
        pytest.param(
            lambda user: ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
            id="expired",
        ),
        pytest.param(lambda user: ApiToken.objects.update(scopes=["no.such"]), id="no scopes"),
        pytest.param(
            lambda user: ApiToken.objects.update(networks=["192.0.2.0/24"]), id="elsewhere"
        ),
        pytest.param(lambda user: ApiToken.objects.update(digest="0" * 64), id="another secret"),
    ],
)
def test_it_ends_with_the_next_request(operator: User, lose: Callable[[User], object]) -> None:
    api = ApiClient(token_of(operator))
    assert api.ask("GET", "/certificates").status_code == 200

    lose(operator)

    answer = api.ask("GET", "/certificates")
    assert answer.status_code in (401, 403)
    assert answer["Content-Type"] == "application/problem+json"


def test_it_may_what_its_scopes_and_its_user_both_allow(operator: User) -> None:
    api = ApiClient(token_of(operator, VIEW))

    assert api.ask("GET", "/certificates").status_code == 200
    refused = api.ask("GET", "/nodes")
    assert refused.status_code == 403
    assert refused.json()["code"] == "api.permission"


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "token.name"),
    ({"name": "a\u202eb"}, "token.name"),
    ({"name": "a" * 61}, "token.name"),
    ({"scopes": []}, "token.scopes"),
    ({"scopes": ["certificates.view_event"]}, "token.scopes"),
    ({"scopes": ["auth.add_user"]}, "token.scopes"),
    ({"days": 0}, "token.days"),
    ({"days": 366}, "token.days"),
    ({"networks": ["192.0.2.300"]}, "token.networks"),
    ({"networks": ["192.0.2.1/24"]}, "token.networks"),
    ({"networks": ["192.0.2.1"] * 21}, "token.networks"),
]


def test_what_can_not_be_is_refused(operator: User) -> None:
    by, now = Actor("operator", operator), timezone.now()
    for change, code in IMPOSSIBLE:
        given: dict[str, Any] = {"name": "a", "scopes": [VIEW], "days": 1} | change
        with pytest.raises(Refused) as refused:
            add_token(operator, **given, actor=by, now=now)
        assert refused.value.code == code, change

    assert not ApiToken.objects.exists()
    assert not Event.objects.filter(action="token:add").exists()


def test_a_name_is_free_again_once_its_token_is_revoked(operator: User) -> None:
    token_of(operator, VIEW, name="a")
    with pytest.raises(Refused):
        token_of(operator, VIEW, name="a")

    revoke_token(ApiToken.objects.get(), actor=Actor("operator", operator), now=timezone.now())
    token_of(operator, VIEW, name="a")

    assert [row.state(timezone.now()) for row in ApiToken.objects.in_list_order()] == [
        "in force",
        "revoked",
    ]
    actions = list(Event.objects.filter(action__startswith="token:").values_list("action"))
    assert [action for (action,) in actions] == ["token:add", "token:revoke", "token:add"]


def test_nobody_makes_or_revokes_tokens_of_others(operator: User, nobody: Actor) -> None:
    now = timezone.now()
    token_of(operator, VIEW)
    with pytest.raises(PermissionDenied):
        add_token(operator, name="b", scopes=[VIEW], days=1, actor=nobody, now=now)
    with pytest.raises(PermissionDenied):
        revoke_token(ApiToken.objects.get(), actor=nobody, now=now)

    assert ApiToken.objects.get().revoked_at is None


def test_a_token_makes_no_tokens(operator: User) -> None:
    by_token = Actor("operator", operator, frozenset(Permission))
    with pytest.raises(PermissionDenied):
        add_token(operator, name="b", scopes=[VIEW], days=1, actor=by_token, now=timezone.now())


SENT_WRONGLY: list[dict[str, str]] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer ccxsec_nonsense"},
    {"Authorization": f"Bearer {new_token().text}"},
    {"Authorization": "Token {text}"},
    {"Authorization": "Basic {text}"},
    {"X-Token": "{text}"},
    {"Cookie": "token={text}"},
]


def test_there_is_one_way_to_send_it(operator: User) -> None:
    text = token_of(operator)
    for sent in SENT_WRONGLY:
        headers = {name: value.format(text=text) for name, value in sent.items()}

        answer = ApiClient().ask("GET", "/certificates", **headers)

        assert answer.status_code == 401, sent
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert text not in answer.content.decode()


def test_it_counts_in_no_address_and_a_session_counts_nowhere(
    operator: User, as_role: Callable[..., ApiClient]
) -> None:
    text = token_of(operator)
    for query in (f"?token={text}", f"?access_token={text}", f"?Authorization=Bearer+{text}"):
        assert ApiClient().ask("GET", f"/certificates{query}").status_code == 401

    assert as_role("Security administrator").get("/api/v1/certificates").status_code == 401


def test_many_failures_are_told_and_lock_nobody(operator: User) -> None:
    right, wrong = ApiClient(token_of(operator)), ApiClient(new_token().text)

    statuses = [wrong.ask("GET", "/certificates").status_code for _ in range(LIMIT + 1)]

    assert set(statuses[:LIMIT]) == {401}
    assert statuses[LIMIT] == 429
    assert wrong.ask("GET", "/certificates")["Retry-After"] == "60"
    assert right.ask("GET", "/certificates").status_code == 200


def test_its_last_use_is_noted_by_the_hour(operator: User) -> None:
    api = ApiClient(token_of(operator))
    ApiToken.objects.update(used_at=None)

    api.ask("GET", "/certificates")

    row = ApiToken.objects.get()
    assert row.used_at is not None
    assert (row.used_at.minute, row.used_at.second) == (0, 0)
    assert row.used_from == "127.0.0.1"


def test_the_longest_time_is_a_setting(operator: User, settings: Settings) -> None:
    settings.CCXSEC_API_TOKEN_DAYS = 7
    with pytest.raises(Refused, match="Choose 1 to 7 days"):
        token_of(operator, days=8)


def test_users_of_a_group_keep_theirs_until_the_group_loses_the_permission(
    operator: User,
) -> None:
    api = ApiClient(token_of(operator))
    group = Group.objects.get(name="Operator")
    group.permissions.remove(group.permissions.get(codename="view_certificate"))

    assert api.ask("GET", "/certificates").status_code == 403


def test_the_access_log_names_whose_token_it_was(
    api_as: Callable[..., ApiClient], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="ccxsec.access")
    api_as("Auditor").ask("GET", "/certificates")
    ApiClient().ask("GET", "/certificates")

    known, unknown = [one.getMessage() for one in caplog.records if one.name == "ccxsec.access"]
    assert known.endswith(" ms, Auditor 127.0.0.1")
    assert unknown.endswith(" ms, 127.0.0.1")
