"""Every screen in Japanese: no English is left, as far as an app is done (docs/translating.md)."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from tests.conftest import HttpsClient
from tests.test_urls import Keys, address, of_browsers, rows

__all__ = ["rows"]  # the fixture
JAPANESE = {"Accept-Language": "ja"}
# Where another language is right, beside what is marked lang="en": names, what a machine wrote.
AS_IT_IS = {"code", "pre", "script", "style", "bdi", "textarea", "option"}
# Names and words of the field that Japanese operators write in Latin letters, too.
TERMS = re.compile(
    r"ccxsec|Security.administrator|Operator|Auditor|\./ccxsec [a-z ]+|IKE SA|CHILD SA|JavaScript"
    r"|No such file or directory|systemctl start strongswan|Webhook|Syslog"
)
PROSE = re.compile(r"[A-Za-z]{2,}[,:]? [a-z]{2,}|^[A-Z][a-z]{3,}$")
# Screens whose every text is translated; phase by phase all of them.
DONE = ("find/", "ipsec/", "login/", "prove/", "second-factor/", "tokens/")


class Texts(HTMLParser):
    """The text nodes of a page, and the attributes that are read out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        is_marked = values.get("lang") == "en" and tag != "html"
        if tag in AS_IT_IS or is_marked or "code" in values.get("class", "").split():
            self.inside.append(tag)
        elif self.inside and tag == self.inside[-1]:
            self.inside.append(tag)  # a part of the same kind: its end is not the end of all
        if not self.inside:
            self.found += [v for k, v in attrs if v and k in ("aria-label", "title", "placeholder")]

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if not self.inside and data.strip():
            self.found.append(" ".join(data.split()))


def english(page: str) -> list[str]:
    """Texts of a page in which English prose is left."""
    parser = Texts()
    parser.feed(page)
    return [text for text in parser.found if PROSE.search(TERMS.sub("", text).strip())]


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ("<p>証明書</p><code>some words here</code>", []),
        ("<p>No certificate</p>", ["No certificate"]),
        ('<a title="Look again">再表示</a>', ["Look again"]),
        ("<p>PEM SHA-256 tomcat ./ccxsec bulk show</p>", []),
        ("<b>Delete</b><span class='code'>a <span>word of</span> it</span>", ["Delete"]),
    ],
)
def test_english_is_seen(page: str, left: list[str]) -> None:
    assert english(page) == left


@pytest.mark.django_db
def test_the_screens_that_are_done_have_no_english_left(
    rows: Keys,
    as_role: Callable[..., HttpsClient],
) -> None:
    client = as_role("Security administrator")
    left = {}
    for route, method in of_browsers():
        if method != "GET" or not route.removeprefix("admin/").startswith(DONE):
            continue
        page = client.get(address(route, rows), headers=JAPANESE)
        if "html" in page.headers.get("Content-Type", ""):
            left[route] = english(page.content.decode())

    assert left
    assert {route: texts for route, texts in left.items() if texts} == {}


@pytest.mark.django_db
def test_every_screen_is_marked_as_japanese(
    rows: Keys,
    as_role: Callable[..., HttpsClient],
) -> None:
    client = as_role("Security administrator")
    for name in ("", "find/?q=ccx1", "bulk/", "monitor/", "ipsec/policy/"):
        page = client.get(f"/admin/{name}", headers=JAPANESE).content.decode()
        assert '<html lang="ja"' in page
        assert "ダッシュボード" in page
