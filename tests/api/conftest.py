"""A client that sends a token, as a script does."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone

from ccxsec_project.api.models import ApiToken
from ccxsec_project.api.operations import add_token
from certificates.access import Actor, Permission
from tests.conftest import HttpsClient

BASE = "/api/v1"


@pytest.fixture(autouse=True)
def _nobody_has_failed() -> Iterator[None]:
    """Failures are counted in a cache that outlives a test."""
    cache.clear()
    yield
    cache.clear()


class ApiClient(HttpsClient):
    """Sends JSON with a token; `scheme` "" sends none."""

    def __init__(self, text: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.text = text

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """A request to a path below /api/v1, or to a whole one."""
        sent = {"Authorization": f"Bearer {self.text}"} if self.text else {}
        url = path if path.startswith(("/api/", "/platformcom/")) else BASE + path
        if method == "GET":
            return self.get(url, headers=sent | headers)
        data = "" if body is None else json.dumps(body)
        return self.generic(method, url, data, "application/json", headers=sent | headers)


def token_of(user: User, *scopes: str, name: str = "script", **options: Any) -> str:
    """The text of a new token; without scopes it has all that the user has."""
    wanted = scopes or [one.value for one in Permission if user.has_perm(one.value)]
    given: dict[str, Any] = {"days": 30, "actor": Actor("test"), "now": timezone.now()} | options
    made = add_token(user, name=name, scopes=list(wanted), **given)
    # Used just now: its use is not written down again, which would be a change.
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    ApiToken.objects.filter(pk=made.row.pk).update(used_at=hour)
    return made.token.text


@pytest.fixture
def api_as(person: Callable[[str], User | None]) -> Callable[..., ApiClient]:
    """A script with a token of somebody in that role."""

    def make(role: str, *scopes: str, **options: Any) -> ApiClient:
        user = person(role)
        if user is None:
            return ApiClient()
        user = User.objects.get(pk=user.pk)  # whose permissions nobody has asked for yet
        if role == "staff":
            return ApiClient(_of_nobody(user))
        return ApiClient(token_of(user, *scopes, **options))

    return make


def _of_nobody(user: User) -> str:
    """A token whose user has lost every permission since."""
    user.is_superuser = True
    user.save()
    text = token_of(user)
    user.is_superuser = False
    user.save()
    return text


@pytest.fixture
def api(api_as: Callable[..., ApiClient]) -> ApiClient:
    """A script of a security administrator."""
    return api_as("Security administrator")
