"""The static checks find what they are there for, and say plainly what they could not find out."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests import sbom
from tests.product import ROOT
from tests.static import NOT_DONE
from tests.static.dangerous_calls import Finding, marked, unexcused
from tests.static.secret_scan import Found, complaints, digest_of, known, scan
from tests.static.vulnerabilities import judge
from tests.static_checks import Outcome, run, summary

HORSE = "Gr" + "8-Horse-" + "Battery"  # put together, so that the scan of this file is quiet
PLANTED = {
    "Secret Keyword": f'password = "{HORSE}"\n',
    "Private Key": "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n",
    "AWS Access Key": 'key = "AKIA' + 'IOSFODNN7EXAMPLF"\n',
    "GitHub Token": 'token = "ghp_' + 'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"\n',
    "Basic Auth Credentials": f"url = https://somebody:{HORSE}@example.com/\n",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found_and_its_value_is_not_told(kind: str, tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("import os\n" + PLANTED[kind])

    found = scan(tmp_path, ["settings.py"], {})

    said = complaints(found, {})
    assert f"settings.py:2: {kind}" in said
    assert HORSE not in repr(found) + repr(said)


def test_a_file_is_scanned_again_once_it_has_changed(tmp_path: Path) -> None:
    cache: dict[str, list[list[str]]] = {}
    (tmp_path / "a.py").write_text("nothing = 1\n")
    assert scan(tmp_path, ["a.py"], cache) == []
    (tmp_path / "a.py").write_text(PLANTED["Secret Keyword"])

    assert [one.kind for one in scan(tmp_path, ["a.py"], cache)] == ["Secret Keyword"]
    assert scan(tmp_path, ["a.py"], cache) == scan(tmp_path, ["a.py"], {})
    assert HORSE not in json.dumps(cache)


def test_the_reviewed_list_holds_reasons_and_no_value() -> None:
    listed = known()

    assert all(len(reason) > 8 for reason in listed.values())
    for path, _, digest in listed:
        assert len(digest) == 16
        assert (ROOT / path).exists()


def test_what_is_listed_and_no_longer_there_is_told() -> None:
    found = Found("a.py", "Secret Keyword", digest_of("x"), 3)
    listed = {found.entry: "an example", ("b.py", "Private Key", digest_of("y")): "an example"}

    assert complaints([found], listed) == [
        f"b.py: Private Key {digest_of('y')} is listed, and not there"
    ]


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("assert x  # noqa: S101 - it was made above", {"101"}),
        ("assert x  # noqa: S101", set()),
        ("import subprocess  # nosec B404 - fixed words", {"404"}),
        ("import subprocess  # nosec B404", set()),
        ("import subprocess  # nosec", set()),
        ("x = 1  # noqa", set()),
    ],
)
def test_only_a_mark_with_a_rule_and_a_reason_excuses(line: str, rules: set[str]) -> None:
    assert marked(line) == rules


def test_a_finding_needs_a_mark_and_a_mark_a_finding(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir()
    text = "eval(x)\neval(y)  # nosec B307 - a test\nz = 1  # nosec B307 - none\nq = 1  # nosec\n"
    (folder / "a.py").write_text(text)
    path = "certificates/a.py"
    found = [Finding(path, (1,), "307", "eval"), Finding(path, (2,), "307", "eval")]

    assert unexcused(found, tmp_path) == [
        f"{path}:1: B307: eval",
        f"{path}:3: nothing needs the mark for B307",
        f"{path}:4: a mark without a rule silences everything",
    ]


AUDITED = {"dependencies": [{"name": "a", "version": "1", "vulns": []}], "fixes": []}
HOLE = {"id": "PYSEC-1", "fix_versions": ["2"]}
HURT = {"dependencies": [{"name": "a", "version": "1", "vulns": [HOLE]}], "fixes": []}
SKIPPED = {"dependencies": [{"name": "a", "skip_reason": "not found on the index"}], "fixes": []}


@pytest.mark.parametrize(
    ("status", "answer", "said", "expected"),
    [
        (0, json.dumps(AUDITED), "", (0, "1 packages")),
        (1, json.dumps(HURT), "Found 1", (1, "a 1: PYSEC-1, fixed in ['2']")),
        (0, json.dumps(SKIPPED), "", (NOT_DONE, "not audited: a: not found on the index")),
        (0, '{"dependencies": []}', "", (NOT_DONE, "not audited: no package")),
        (
            1,
            "",
            "ERROR:a: could not be audited",
            (NOT_DONE, "not audited: ERROR:a: could not be audited"),
        ),
        (1, "", "ConnectionError", (NOT_DONE, "not audited: ConnectionError")),
        (1, "", "invalid requirements", (1, "invalid requirements")),
        (0, "", "", (1, "pip-audit ended with 0, and said nothing")),
        (1, json.dumps(AUDITED), "strange", (1, "strange")),
    ],
)
def test_the_audit_is_good_bad_or_was_not_made(
    status: int, answer: str, said: str, expected: tuple[int, str]
) -> None:
    assert judge(status, answer, said) == expected


def test_what_was_not_audited_is_neither_passed_nor_failed() -> None:
    commands = {
        "good": [sys.executable, "-c", "print('x')"],
        "bad": [sys.executable, "-c", "import sys; print('why'); sys.exit(1)"],
        "silent": [sys.executable, "-c", f"import sys; print('no line'); sys.exit({NOT_DONE})"],
    }

    outcomes = list(run(commands, {}))

    words = [(one.name, one.word) for one in outcomes]
    assert words == [("good", "ok"), ("bad", "FAILED"), ("silent", "open")]
    assert str(Outcome("silent", NOT_DONE, "no line\n", 1.0)) == "open   silent (1.0 s): no line"
    assert summary(outcomes) == "1 checks passed, 1 failed, 1 not done"
    assert summary(outcomes[:2]) == "1 checks passed, 1 failed"


def test_the_bill_of_materials_lists_every_package_with_digests_and_licence() -> None:
    text = sbom.text()
    bill = json.loads(text)

    packages = {one.name: one for one in sbom.locked(sbom.LOCK.read_text())}
    assert {one["name"] for one in bill["components"]} == set(packages)
    assert len(packages) == sum("==" in line for line in sbom.LOCK.read_text().splitlines())
    for part in bill["components"]:
        assert part["hashes"], part["name"]
        assert part["version"] == packages[part["name"]].version
        is_here = not packages[part["name"]].marker  # else it may be for another system
        assert part.get("licenses") or not is_here, part["name"]
    tree = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    assert any(ref.startswith("django==") for ref in tree["ccxsec"])
    assert set(re.findall(r"://([^/\"]+)", text)) == {"cyclonedx.org"}  # its schema; no registry
