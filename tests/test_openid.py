"""Sign-in by a real OpenID provider: what it must prove, and whose account it opens."""

import html
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from joserfc.jwk import RSAKey
from pytest_django import Settings

from ccxsec_project.authentication import transport
from ccxsec_project.authentication.freshness import PROVED_AT
from ccxsec_project.authentication.models import ExternalIdentity
from certificates.models import Action, Event
from certificates.operations.install import make_groups
from tests.conftest import HttpsClient
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, Provider, running

pytestmark = [pytest.mark.spec("MN-2"), pytest.mark.django_db]


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture
def provider(server: Provider, settings: Settings, db: None) -> Provider:
    make_groups()
    server.person = {"sub": "4711", "preferred_username": "ann", "groups": ["staff"]}
    server.spoil, server.key, server.told_issuer = {}, server.published, server.issuer
    settings.CCXSEC_OIDC_ISSUER = server.issuer
    settings.CCXSEC_OIDC_CLIENT_ID = CLIENT_ID
    settings.CCXSEC_OIDC_CLIENT_SECRET = CLIENT_SECRET
    settings.CCXSEC_OIDC_GROUPS = [("staff", "Operator"), ("security", "Security administrator")]
    return server


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def asked(client: HttpsClient, following: str = "/admin/certificates/certificate/") -> str:
    """The address of the provider that our page leads to."""
    page = client.post("/admin/login/openid/", query_params={"next": following})
    found = re.search('id="go-on" href="([^"]+)"', page.content.decode())
    assert found, page.content.decode()
    return html.unescape(found[1])


def answered(address: str) -> str:
    """What the provider sends the browser to: our address, with a code."""
    try:
        urllib.request.build_opener(_Stay).open(address)
    except urllib.error.HTTPError as redirect:
        parts = urlsplit(redirect.headers["Location"])
        return f"{parts.path}?{parts.query}"
    raise AssertionError("no redirect")


def sign_in(client: HttpsClient) -> Any:
    return client.get(answered(asked(client)))


def test_somebody_new_gets_an_account_in_the_groups_of_the_provider(provider: Provider) -> None:
    client = HttpsClient()
    response = sign_in(client)

    assert response["Location"] == "/admin/certificates/certificate/"
    assert client.get(response["Location"]).status_code == 200
    user = User.objects.get(username="ann")
    assert [group.name for group in user.groups.all()] == ["Operator"]
    assert not user.is_superuser
    assert not user.has_usable_password()
    told = Event.objects.filter(action__in=(Action.USER_ADD, Action.USER_CHANGE))
    assert {event.actor for event in told} == {"OpenID provider, 127.0.0.1"}


def test_the_groups_are_set_anew_at_each_sign_in(provider: Provider) -> None:
    sign_in(HttpsClient())
    provider.person |= {"groups": ["security", "other"], "preferred_username": "ann-married"}
    sign_in(HttpsClient())
    user = ExternalIdentity.objects.get(subject="4711").user
    assert (user.username, [g.name for g in user.groups.all()]) == (
        "ann",
        ["Security administrator"],
    )

    provider.person["groups"] = []
    assert sign_in(HttpsClient()).status_code == 403
    assert not user.groups.exists()


def test_a_name_or_mail_of_a_local_user_opens_no_account_of_that_user(provider: Provider) -> None:
    local = User.objects.create_superuser("ann", email="ann@example.com", password="x" * 20)
    provider.person["email"] = "ann@example.com"
    client = HttpsClient()
    sign_in(client)

    assert client.session["_auth_user_id"] != str(local.pk)
    assert User.objects.get(pk=client.session["_auth_user_id"]).username == "ann-2"


def test_the_provider_is_asked_with_state_nonce_and_pkce(provider: Provider) -> None:
    query = parse_qs(urlsplit(asked(HttpsClient())).query)

    assert query["code_challenge_method"] == ["S256"]
    assert len({query[name][0] for name in ("state", "nonce", "code_challenge")}) == 3
    assert query["redirect_uri"] == ["https://testserver/admin/login/openid/answer/"]


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "another"},
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["ccxsec", "another"], "azp": "another"},
        {"exp": 1},
        {"iat": 9_999_999_999},
        {"sub": None},
    ],
    ids=lambda spoil: next(iter(spoil)) + str(len(spoil)),
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(
    provider: Provider, spoil: dict[str, Any]
) -> None:
    provider.spoil = spoil

    assert sign_in(HttpsClient()).status_code == 403
    assert not User.objects.exists()


def test_a_token_of_another_key_is_refused(provider: Provider) -> None:
    provider.key = RSAKey.generate_key(2048, {"kid": "1"})

    assert sign_in(HttpsClient()).status_code == 403


def test_an_answer_is_for_the_browser_that_asked_and_for_once(provider: Provider) -> None:
    client, other = HttpsClient(), HttpsClient()
    answer = answered(asked(client))
    asked(other)

    assert other.get(answer).status_code == 403
    assert client.get(answer).status_code == 302
    assert client.get(answer).status_code == 403


def test_another_description_than_that_of_the_issuer_is_refused(provider: Provider) -> None:
    provider.told_issuer = "https://evil.example"

    assert HttpsClient().post("/admin/login/openid/").status_code == 503


def test_a_provider_where_nobody_may_connect_is_not_asked(
    provider: Provider, settings: Settings
) -> None:
    settings.CCXSEC_OIDC_ISSUER = "https://169.254.169.254"
    response = HttpsClient().post("/admin/login/openid/")

    assert response.status_code == 503
    assert "169.254.169.254 gave no answer" in response.content.decode()


def test_who_signs_in_by_the_provider_proves_by_it(provider: Provider) -> None:
    client = HttpsClient()
    sign_in(client)
    session = client.session
    session[PROVED_AT] -= 601
    session.save()
    page = "/admin/second-factor/"
    question = client.get(client.get(page)["Location"]).content.decode()
    assert "Confirm by the identity provider" in question
    assert "proof_password" not in question

    back = client.get(answered(asked(client, page)))
    assert back["Location"] == page
    assert client.get(page).status_code == 200

    session = client.session
    session[PROVED_AT] -= 601
    session.save()
    provider.spoil = {"auth_time": 1}
    assert client.get(answered(asked(client, page))).status_code == 403
    provider.spoil, provider.person = {}, provider.person | {"sub": "somebody else"}
    assert client.get(answered(asked(client, page))).status_code == 403
    assert client.get(page).status_code == 302


def test_the_sign_in_page_offers_it_beside_the_password(
    provider: Provider, settings: Settings
) -> None:
    assert "Sign in by the identity provider" in HttpsClient().get("/admin/login/").content.decode()
    settings.CCXSEC_OIDC_ISSUER = ""
    page = HttpsClient().get("/admin/login/").content.decode()
    assert "identity provider" not in page
    assert "id_password" in page


def test_a_silent_provider_does_not_come_to_hold_every_thread(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PATIENCE", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(4) as threads:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        waiting = [threads.submit(transport.ask, "GET", url) for _ in range(4)]
        while transport._places._value and not any(one.done() for one in waiting):
            time.sleep(0.01)
        begun = time.monotonic()
        page = HttpsClient().post("/admin/login/openid/")
        seconds = time.monotonic() - begun

    assert [type(one.exception()) for one in waiting] == [transport.ProviderError] * 4
    assert (page.status_code, seconds < 1) == (503, True)
    assert "Too many sign-ins wait" in page.content.decode()
    assert HttpsClient().post("/admin/login/openid/").status_code == 200
