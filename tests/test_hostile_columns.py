"""Harm in every column of text: every page shows it as text, whoever let it in."""

import pytest

from certificates.models import Node
from tests.browser.insert_hostile_rows import FILE, insert
from tests.conftest import HttpsClient
from tests.hostile import Markup
from tests.test_urls import address, expected

DJANGOS = "<input autofocus=None>"  # of its form for a new password; harm has it with a value
pytestmark = [pytest.mark.django_db, pytest.mark.spec("MN-2")]


def pages(keys: dict[str, int]) -> list[str]:
    """The address of every page, and of dialogs that are found by more than a key."""
    routes = [route for route, method in expected() if method == "GET"]
    found = [address(route, keys) for route in routes if route != "admin/logout/"]
    return [*found, f"/admin/bulk/file/?name={FILE}"]


def test_every_page_shows_harm_as_text(node: Node, administrator: HttpsClient) -> None:
    keys, wrong, shown = insert(node), [], 0
    for page in pages(keys):
        answer = administrator.get(page)
        if answer.status_code >= 500 and page != "/readyz":  # no worker runs here
            wrong.append(f"{page}: {answer.status_code}")
        if answer.streaming or "html" not in answer.headers.get("Content-Type", ""):
            continue
        text = answer.content.decode()
        wrong += [f"{page}: {each}" for each in Markup(text).foreign if each != DJANGOS]
        wrong += [f"{page}: {each}" for each in ("<b id", "77&lt;b", "49&lt;b") if each in text]
        shown += "&lt;img src=x onerror=alert(1)&gt;" in text

    assert wrong == []
    assert shown > 40  # pages
