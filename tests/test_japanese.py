"""Every screen in Japanese: no English is left, as far as an app is done (docs/translating.md)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from django.utils import translation

from certificates.refusal import Refused
from certificates.sentence import in_language
from certificates.x509.chain import find_path
from certificates.x509.reading import read_upload
from tests.conftest import HttpsClient
from tests.test_urls import Keys, address, of_browsers, rows

__all__ = ["rows"]  # the fixture
JAPANESE = {"Accept-Language": "ja"}
# Where another language is right, beside what is marked lang="en": names, what a machine wrote.
AS_IT_IS = {"code", "pre", "script", "style", "bdi", "textarea", "option"}
# Names and words of the field that Japanese operators write in Latin letters, too.
TERMS = re.compile(
    r"ccxsec|Security.administrator|Operator|Auditor|\./ccxsec [a-z ]+|IKE SA|CHILD SA|JavaScript"
    r"|No such file or directory|systemctl start strongswan"
    r"|DNS: \S+|/usr/bin/systemctl restart tomcat10|Webhook|Syslog"
)
PROSE = re.compile(r"[A-Za-z]{2,}[,:]? [a-z]{2,}|^[A-Z][a-z]{3,}$")
# Screens whose every text is translated; phase by phase all of them.
DONE = (
    "find/",
    "certificates/backupsettings/",
    "certificates/certificate/<int:pk>/",
    "certificates/certificate/generate/",
    "certificates/certificate/regenerate/",
    "certificates/certificate/upload/",
    "certificates/endpoint/add/",
    "certificates/event/export/",
    "certificates/node/<int:pk>/host-key/",
    "certificates/node/<int:pk>/reach/",
    "certificates/node/<int:pk>/service/",
    "certificates/observed/",
    "certificates/signingrequest/download/",
    "certificates/signingrequest/generate/",
    "ipsec/",
    "login/",
    "prove/",
    "second-factor/",
    "tokens/",
)


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
