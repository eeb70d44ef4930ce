"""The documents say what the code does."""

import re
from pathlib import Path

import pytest

from certificates.models import Certificate, Node
from certificates.x509.policy import DEFAULT_DAYS
from tests.product import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))

SET_BY_THE_LAUNCHER = {"CCXSEC_CALLED_FROM"}  # and by nobody else


def test_every_setting_is_documented_and_no_other() -> None:
    modules = [ROOT / "ccxsec_project" / name for name in ("environment.py", "settings.py")]
    source = "".join(module.read_text() for module in modules)
    read = set(
        re.findall(
            r'(?:env\.\w+|\b(?:path|integer|secret|long_secret|one_of|one_like|pairs))\(\s*"(\w+)"',
            source,
        )
    )
    page = (ROOT / "docs" / "settings.md").read_text()
    example = (ROOT / ".env.example").read_text()

    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == read
    assert set(re.findall(r"^# (\w+)=", example, re.MULTILINE)) == read - SET_BY_THE_LAUNCHER


def test_the_shell_page_runs_as_it_stands(
    node: Node, tomcat: Certificate, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "shell.md").read_text()
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "docs/shell.md", "exec"), {})

    said = capsys.readouterr().out
    assert tomcat.fingerprint in said
    assert "BEGIN CERTIFICATE" in said
    assert "restart of tomcat on ccx1.example.com" in said
    tomcat.refresh_from_db()
    assert tomcat.state == "superseded"


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text()
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    named = re.findall(r"\b(docs/[\w-]+\.md)\b", text)

    for target in targets:
        assert (page.parent / target).exists(), target
    for target in named:
        assert (ROOT / target).exists(), target


def test_figures_in_the_pages_are_those_of_the_code() -> None:
    assert f"{DEFAULT_DAYS:,} days" in (ROOT / "docs" / "generate.md").read_text()


def test_files_stay_short_enough_to_read() -> None:
    code = [
        path
        for folder in ("certificates", "ccxsec_project", "ipsec", "bulk", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts
    ]

    assert [path.name for path in code if len(path.read_text().splitlines()) > 400] == []
