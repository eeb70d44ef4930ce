"""In which language a page is, and that records and scripts keep theirs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.template.loader import get_template
from django.test import Client
from django.utils.translation import get_language, override

from ccxsec_project.language import MessageStorage
from certificates.sentence import say
from tests.conftest import HttpsClient
from tests.test_urls import ORIGIN, TOKEN

LOGIN = "/admin/login/"
COOKIE = "__Host-ccxsec-language"
JAPANESE = {"Accept-Language": "ja,en;q=0.5"}


def choose(client: Client, language: str, following: str = LOGIN) -> Any:
    client.cookies["__Host-ccxsec-csrf"] = TOKEN
    data = {"language": language, "next": following, "csrfmiddlewaretoken": TOKEN}
    return client.post("/language/", data, headers=ORIGIN)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({}, "en"),
        (JAPANESE, "ja"),
        ({"Accept-Language": "fr"}, "en"),
        ({"Accept-Language": "\n"}, "en"),
    ],
)
def test_a_page_is_in_the_language_of_the_browser(
    client: Client, asked: dict[str, str], language: str
) -> None:
    page = client.get(LOGIN, headers=asked)

    assert f'<html lang="{language}"' in page.content.decode()
    assert page["Content-Language"] == language
    assert {"Accept-Language", "Cookie"} <= {one.strip() for one in page["Vary"].split(",")}
    assert get_language() == "en"  # the thread serves others next


@pytest.mark.django_db
def test_the_choice_wins_and_lasts() -> None:
    client = HttpsClient(enforce_csrf_checks=True)
    answer = choose(client, "en")
    page = client.get(LOGIN, headers=JAPANESE)

    assert (answer.status_code, answer["Location"]) == (302, LOGIN)
    cookie = client.cookies[COOKIE]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert '<html lang="en"' in page.content.decode()
    assert 'name="language" value="ja" lang="ja">日本語</button>' in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("following", ["https://elsewhere.example/", "//elsewhere.example/", ""])
def test_the_choice_leads_nowhere_else(client: Client, following: str) -> None:
    answer = choose(client, "ja", following)

    assert "elsewhere" not in answer["Location"]


@pytest.mark.django_db
def test_a_language_that_there_is_not_is_not_kept(client: Client) -> None:
    choose(client, "xx")

    assert COOKIE not in client.cookies


@pytest.mark.django_db
def test_scripts_are_answered_in_english(client: Client) -> None:
    answer = client.get("/api/v1/nodes", headers=JAPANESE)

    assert answer["Content-Language"] == "en"
    assert answer.content.decode().isascii()


def test_messages_are_kept_in_the_language_of_who_did_it() -> None:
    request = HttpRequest()
    request.session = {}  # type: ignore[assignment]
    storage = MessageStorage(request)
    with override("ja"):
        storage.add(messages.SUCCESS, say("Dashboard"))

    assert str(storage._queued_messages[0].message) == "ダッシュボード"


def test_every_template_is_well_formed() -> None:
    root = Path(__file__).resolve().parent.parent
    folders = [root / app for app in ("ccxsec_project", "certificates", "ipsec", "bulk")]
    found = [path for folder in folders for path in folder.rglob("templates/**/*.html")]

    assert len(found) > 100
    for path in found:
        get_template(str(path).rpartition("/templates/")[2])


@pytest.mark.django_db
def test_error_pages_are_in_the_language_of_the_browser(
    person: Callable[[str], User | None], as_role: Callable[..., HttpsClient]
) -> None:
    page = as_role("Auditor").get("/admin/nothing-there/", headers=JAPANESE)

    assert page.status_code == 404
    assert '<html lang="ja"' in page.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["node/?colour=red", "event/?at=yesterday"])
def test_a_list_that_is_asked_for_what_it_has_not_says_so_and_leads_on(
    as_role: Callable[..., HttpsClient], address: str
) -> None:
    page = as_role("Auditor").get(f"/admin/certificates/{address}")

    assert page.status_code == 400
    assert "is not one that is known here" in page.content.decode()
    assert 'href="/admin/"' in page.content.decode()
