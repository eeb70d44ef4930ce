"""The documentation as a site: every page is in its menu, and nothing comes from elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.documents import api_reference, commands, hooks
from tests.documents.site import build, fetched, foreign_places
from tests.product import ROOT
from tests.screenshots.camera import MOST
from tests.screenshots.scenes import POLICY_SCENES, SCENES

# Each menu item, window, list, field and button of the manual's menu Security.
MANUAL = """Certificate Management, Certificate List, Find, Certificate Details, Close,
Download .PEM File, Download .DER File, Save File, Delete, Generate Self-signed,
Generate New Self-signed Certificate, Certificate Purpose, Generate,
Upload Certificate or Certificate Chain, File Upload, Browse, Open, Upload, Generate CSR,
Generate Certificate Signing Certificate, Download CSR, Download Certificate Signing Request,
Certificate Name, Save, Certificate Monitor, Notification Start Time, Notification Frequency,
Enable Email Notification, Email IDs, IPSEC Configuration, IPSEC Policy List, Add New,
IPSEC Policy Configuration, Policy Group Name, Policy Name, Authentication Method, Preshared Key,
Peer Type, Destination Address, Destination Port, Source Address, Source Port, Mode, Remote Port,
Protocol, Encryption Algorithm, Hash Algorithm, ESP Algorithm, Phase One Life Time, Phase One DH,
Phase Two Life Time, Phase Two DH, Enable Policy, Select All, Clear All, Delete Selected,
Bulk Certificate Management, Export, Bulk Certificate Export, Tomcat, Consolidate, Import"""
PICTURE = re.compile(r"!\[([^]]*)\]\((?:docs/)?([\w-]+)\.png\)")
WORDS_OF_THE_LAUNCHER = re.compile(r"^([a-z-]+)\)$", re.MULTILINE)


def in_the_menu(entries: Any) -> Iterator[str]:
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, dict):
        yield from in_the_menu(list(entries.values()))
    else:
        for entry in entries:
            yield from in_the_menu(entry)


def test_every_page_is_in_the_menu_once() -> None:
    menu = list(in_the_menu(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    pages = [path.name for path in (ROOT / "docs").glob("*.md")]

    assert sorted(menu) == sorted([*pages, *hooks.PAGES.values()])


@pytest.mark.parametrize(
    ("written", "on_the_site"),
    [
        ("[run](docs/running.md)", "[run](running.md)"),
        ("![List](docs/certificate-list.png)", "![List](certificate-list.png)"),
        ("[all](../README.md#more) [new](CHANGELOG.md)", "[all](index.md#more) [new](changes.md)"),
        ("see docs/restart.md.", "see [restart](restart.md)."),
        ("`docs/restart.md` [a](b.md)", "`docs/restart.md` [a](b.md)"),
        (r"| `a\|b` | \| |", r"| `a|b` | \| |"),
        (r"`a\|b`", r"`a\|b`"),
    ],
)
def test_links_are_turned_for_the_site(written: str, on_the_site: str) -> None:
    assert hooks.turned(written) == on_the_site


def test_a_link_an_anchor_and_a_page_that_lead_nowhere_stop_the_building(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(
        "[a](index.md#nowhere) [b](nothing.md) ![c](no.png)"
    )
    (tmp_path / "docs" / "forgotten.md").write_text("# Nobody finds this")
    ours = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    kept = {name: ours[name] for name in ("strict", "validation")}
    settings = kept | {"site_name": "x", "nav": ["index.md"], "theme": "mkdocs", "plugins": []}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(settings))

    with pytest.raises(SystemExit) as ended:
        build(tmp_path / "site", tmp_path)

    said = str(ended.value)
    for wrong in ("#nowhere", "nothing.md", "no.png", "forgotten.md"):
        assert wrong in said


def test_what_another_host_would_send_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<a href="https://example.com/">read on</a> <script src="own.js"></script>'
        '<script src="https://cdn.example/a.js"></script><link href="//cdn.example/b.css">'
        '<img src="own.png" srcset="c.png 1x, https://cdn.example/c.png 2x">'
    )
    (tmp_path / "own.css").write_text("a { background: url('https://cdn.example/d.png') }")

    assert [place for _, place in foreign_places(tmp_path)] == [
        "https://cdn.example/a.js",
        "//cdn.example/b.css",
        "https://cdn.example/c.png",
        "https://cdn.example/d.png",
    ]
    assert "own.js" in fetched((tmp_path / "page.html").read_text())


def test_the_pages_that_are_read_from_the_code_are_current() -> None:
    for made in (commands, api_reference):
        assert made.PAGE.read_text() == made.page(), f"run python -m {made.__name__}"


def test_every_word_of_the_launcher_is_told() -> None:
    words = set(WORDS_OF_THE_LAUNCHER.findall((ROOT / "ccxsec").read_text()))

    assert words == commands.LAUNCHER.keys()
    for name in ("cert", "up", "ipsec"):
        assert f"\n## {name}\n" in commands.page()


def test_every_picture_is_made_by_the_script_and_shown_with_words() -> None:
    made = [name for scene in (*SCENES, *POLICY_SCENES) for name in scene.pictures]
    kept = [path.stem for path in (ROOT / "docs").glob("*.png")]
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = [each for page in pages for each in PICTURE.findall(page.read_text())]

    assert sorted(made) == sorted(kept)
    assert {name for _, name in shown} == set(made)
    assert [name for words, name in shown if len(words) < 20] == []
    for path in (ROOT / "docs").glob("*.png"):
        assert path.stat().st_size <= MOST, path.name


@pytest.mark.spec("MN-1")
def test_every_item_of_the_manual_has_its_place_here() -> None:
    page = (ROOT / "docs" / "coming-from-the-original.md").read_text()
    told = set(re.findall(r"\*\*([^*]+)\*\*", page))
    told |= {title.removeprefix("Security > ") for title in re.findall(r"^## (.+)$", page, re.M)}

    assert [item for item in " ".join(MANUAL.split()).split(", ") if item not in told] == []
