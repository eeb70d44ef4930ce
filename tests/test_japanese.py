"""Every screen in Japanese: no English is left, as far as an app is done (docs/translating.md)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.utils import translation

from bulk.models import Plan, Verdict
from certificates.models import JobState
from certificates.refusal import Refused
from certificates.sentence import in_language
from certificates.x509.chain import find_path
from certificates.x509.reading import read_upload
from tests import translations
from tests.bulk import scenes
from tests.conftest import HttpsClient
from tests.test_urls import FORM, Keys, address, of_browsers, rows

__all__ = ["rows"]  # the fixture
JAPANESE = {"Accept-Language": "ja"}
# Where another language is right, beside what is marked lang="en": names, what a machine wrote.
AS_IT_IS = {"code", "pre", "script", "style", "bdi", "textarea"}
# Names and words of the field that Japanese operators write in Latin letters, too.
TERMS = re.compile(
    r"ccxsec|Security.administrator|Operator|Auditor|\./ccxsec [a-z ]+|IKE SA|CHILD SA|JavaScript"
    r"|Webhook|Syslog|DNS: \S+|/usr/bin/systemctl restart tomcat10|systemctl start strongswan"
    r"|No such file or directory|Name or service not known|Cisco IOS \(crypto map\)"
    r"|\S+\.example\.com\S*|.* \| Can .*"  # a host; a permission, as the database has it
    r"|(deploy|check) [a-z-]+ on|ipsec-apply IPsec policies|monitor all certificates"  # jobs
)
PROSE = re.compile(r"[A-Za-z]{2,}[,:]? [a-z]{2,}|^[\d,]+ [a-z]{3,}|^[A-Z][a-z]{3,}$")
# Sentences of Django that have no Japanese there.
DJANGOS = re.compile(r"Group.permission relationship|^If disabled, |^Whether the user ")
ASKED = {"admin/find/": "?q=ccx1"}  # pages that show more of what is asked for
LEAVING = {"admin/logout/", "language/"}  # after it the next question would be another's


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


@cache
def known() -> frozenset[str]:
    """The texts that have a translation: their English is on no page, not even a single word."""
    found = (one for app in translations.APPS for one in translations.read(app, "ja"))
    return frozenset(
        one.id
        for one in found
        if one.id and isinstance(one.id, str) and one.string not in ("", one.id) and not one.context
    )


def english(page: str) -> list[str]:
    """Texts of a page in which English prose is left."""
    parser = Texts()
    parser.feed(page)
    found = [(text, TERMS.sub("", text).strip()) for text in parser.found]
    return [
        text
        for text, rest in found
        if (rest in known() or PROSE.search(rest)) and not DJANGOS.search(text)
    ]


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ("<p>証明書</p><code>some words here</code>", []),
        ("<p>No certificate</p>", ["No certificate"]),
        ("<option>new</option><p>2 certificates", ["2 certificates"]),
        ("<th>certificates</th>", ["certificates"]),
        ('<a title="Look again">再表示</a>', ["Look again"]),
        ("<p>PEM SHA-256 tomcat ./ccxsec bulk show</p>", []),
        ("<b>Delete</b><span class='code'>a <span>word of</span> it</span>", ["Delete"]),
    ],
)
def test_english_is_seen(page: str, left: list[str]) -> None:
    assert english(page) == left


@pytest.fixture
def full(rows: Keys) -> Keys:
    """Something of every kind that a screen shows, and in each of its states."""
    scenes.everything()
    cluster = scenes.confirmed(scenes.WEST, "Contact Centre West")
    rows["plan"] = scenes.plan(cluster, *Verdict).pk
    Plan.objects.filter(pk=rows["plan"]).update(refused=["a: b"])
    for state in JobState:
        scenes.job("bulk-look", state)
    return rows


@pytest.fixture
def anybody(full: Keys) -> HttpsClient:
    """Somebody who may see every screen."""
    client = HttpsClient()
    client.force_login(User.objects.create_superuser("everybody", "a@example.com"))
    return client


def walked(method: str) -> Iterator[str]:
    for route, listed in of_browsers():
        if listed == method and route not in LEAVING:
            yield route


def left_on(client: HttpsClient, method: str, keys: Keys) -> dict[str, list[str]]:
    """Per page the English that is left on it, or on the one where a POST leads with a message."""
    left = {}
    for route in walked(method):
        url = address(route, keys) + ASKED.get(route, "")
        page = client.generic(method, url, headers=JAPANESE, content_type=FORM)
        if method == "POST" and page.status_code == 302 and page["Location"].startswith("/admin/"):
            page = client.get(page["Location"], headers=JAPANESE)
        if "html" in page.headers.get("Content-Type", ""):
            left[route] = english(page.content.decode())
    return left


@pytest.mark.any_database
@pytest.mark.django_db
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_screen_has_english_left(full: Keys, anybody: HttpsClient, method: str) -> None:
    left = left_on(anybody, method, full)

    assert len(left) > 20
    assert {route: texts for route, texts in left.items() if texts} == {}


@pytest.mark.any_database
@pytest.mark.django_db
def test_every_screen_is_marked_as_japanese(anybody: HttpsClient) -> None:
    for name in ("", "find/?q=ccx1", "bulk/", "monitor/", "ipsec/policy/"):
        page = anybody.get(f"/admin/{name}", headers=JAPANESE).content.decode()
        assert '<html lang="ja"' in page
        assert "ダッシュボード" in page


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "ファイルが空です。証明書のファイルをもう一度選択してください。"),
        (b"{}", "ファイルに証明書がありません。内容はJSONのようです。"),
        (b"\x30\x80", "オクテット1: 長さが不定形式であるか、途中で切れている。"),
        (b"-----BEGIN X509 CRL-----", "ファイルは証明書ではなく、証明書失効リスト(CRL)です。"),
    ],
)
def test_a_file_is_refused_in_the_readers_language(data: bytes, told: str) -> None:
    with pytest.raises(Refused) as refused:
        read_upload(data)

    with translation.override("ja"):
        assert told in in_language(refused.value)
    assert str(refused.value).isascii()


def test_a_path_that_fails_is_told_in_the_readers_language() -> None:
    (finding,) = find_path(
        b"\x30\x00",
        anchors=[],
        intermediates=[],
        at=datetime(2026, 1, 1, tzinfo=UTC),
        usage="server",
    ).findings

    with translation.override("ja"):
        told = in_language(finding.sentence)
    assert told == (
        "この2バイトはX.509証明書ではありません(オクテット0: 証明書は3つの部分からなる)。"
    )
