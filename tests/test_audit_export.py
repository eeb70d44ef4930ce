"""Exports of the audit log: signed, verified by the product and by openssl, jq and sha256sum."""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.management.operator_command import Stopped
from certificates.models import Action, Certificate, Event, Node
from certificates.operations import audit
from certificates.operations.audit_export import begin_export
from certificates.operations.audit_file import verify_export
from certificates.refusal import Refused
from tests.hostile import TEXTS
from tests.parts import needs
from tests.product import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
SCREEN = "/admin/certificates/event/export/"


@pytest.fixture
def log(node: Node) -> Node:
    """An event for each text that does harm somewhere."""
    with transaction.atomic():
        for text in list(TEXTS.values())[::3]:
            Event.objects.record(text, Action.NODE_CHANGE, text, note=text)
    return node


@pytest.fixture
def exported(log: Node, tmp_path: Path, settings: Settings) -> Path:
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    command("export", "all.jsonl")
    return tmp_path / "all.jsonl"


def command(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("audit", *words, "--json", stdout=out, stderr=io.StringIO())
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()[:-1]]


def test_the_export_holds_every_event_and_nothing_that_does_harm(exported: Path) -> None:
    rows = events(exported)
    before = rows[-1]["sequence"]
    log = Event.objects.filter(sequence__lte=before).order_by("sequence")

    assert [row["code"] for row in rows] == list(log.values_list("code", flat=True))
    assert exported.read_bytes().isascii()
    assert b"\x1b" not in exported.read_bytes()
    assert exported.stat().st_mode & 0o777 == 0o600
    later = list(Event.objects.filter(sequence__gt=before).order_by("sequence"))
    assert [event.action for event in later] == ["private-key:read", "audit:export"]
    assert later[1].object_text == f"events 1 to {before}"


def test_the_product_verifies_it(exported: Path) -> None:
    found = command("verify", exported.name)

    assert (found["verdict"], found["key"]) == ("whole", "of this server")
    assert found["log"] == "this installation's"
    assert found["events"] == len(events(exported))


def blocks() -> list[str]:
    """The scripts of docs/audit.md, as they stand there."""
    return re.findall(r"```sh\n(.*?)```", Path(ROOT, "docs/audit.md").read_text(), re.DOTALL)


def third_party(script: str, exported: Path) -> subprocess.CompletedProcess[str]:
    """Run it as somebody who has neither the product nor its settings."""
    folder = exported.parent / "elsewhere"
    folder.mkdir(exist_ok=True)
    for program, package in (("openssl", "openssl"), ("jq", "jq")):
        needs(program, package)
    return subprocess.run(
        [str(shutil.which("sh")), "-c", script],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "FILE": str(exported)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_somebody_else_verifies_it_by_the_commands_of_the_page(exported: Path) -> None:
    verify, name_line = blocks()

    done = third_party(verify, exported)

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["Verified OK", "whole"]
    tomcat = Certificate.objects.active().get(purpose="tomcat")
    assert lines[3].replace(":", "").lower().endswith(tomcat.fingerprint)
    assert third_party(name_line, exported).stdout == ""


def tampered(lines: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Each way to change an export, and what it becomes."""
    yield "a value", [lines[0], lines[1].replace(b"node", b"nude", 1), *lines[2:]]
    yield "a line less", [*lines[:3], *lines[4:]]
    yield "two that changed places", [*lines[:3], lines[4], lines[3], *lines[5:]]
    yield "a line twice", [*lines[:3], lines[2], *lines[3:]]
    yield "the first", lines[1:]
    yield "the last event", [*lines[:-2], lines[-1]]
    yield "no end", lines[:-1]
    yield "something behind", [*lines, lines[0]]
    yield "half a line", [*lines[:-1], lines[-1][:-100]]
    yield "the manifest", [*lines[:-1], lines[-1].replace(b"whole", b"Whole")]
    yield "nothing", []
    yield "noise", [b"\xff\x00\n"]
    yield "deep", [b"[" * 100_000 + b"\n"]


def test_every_change_of_an_export_is_found_by_both(exported: Path) -> None:
    verify, name_line = blocks()
    lines = exported.read_bytes().splitlines(keepends=True)
    by_others = ("a value", "a line less", "two that changed places", "the last event")

    for what, changed in tampered(lines):
        exported.write_bytes(b"".join(changed))
        with exported.open("rb") as file, pytest.raises(Refused) as refusal:
            verify_export(file)
        assert refusal.value.code.startswith("audit.export-"), what
        if what in by_others:
            assert third_party(verify, exported).returncode != 0, what
    exported.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    assert third_party(name_line, exported).stdout == "5\n"
    with pytest.raises(Stopped, match="Line 4, event 5, does not follow the line before"):
        command("verify", exported.name)


def test_a_signature_of_another_key_is_told_apart(exported: Path, log: Node) -> None:
    """A foreign certificate in the last line, with a signature that is right: not ours."""
    line = json.loads(exported.read_bytes().splitlines()[-1])
    other = Certificate.objects.active().get(purpose="ipsec")
    pem = x509.load_der_x509_certificate(bytes(other.der)).public_bytes(Encoding.PEM)
    line["certificate"] = pem.decode()
    kept = exported.read_bytes().splitlines(keepends=True)[:-1]
    exported.write_bytes(b"".join([*kept, json.dumps(line).encode() + b"\n"]))

    with pytest.raises(Stopped, match="The signature does not fit the manifest"):
        command("verify", exported.name)


def test_a_log_that_was_tampered_with_is_exported_and_says_so(
    log: Node, tmp_path: Path, settings: Settings
) -> None:
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    Event.objects.filter(sequence=4).update(actor="somebody else")

    with pytest.raises(Stopped, match=r"Event 4 .* was changed after it was written"):
        command("export", "broken.jsonl")
    with pytest.raises(Stopped, match="The log was not whole when it was exported: Event 4"):
        command("verify", "broken.jsonl")


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_it_is_read_page_by_page(
    log: Node, actor: Actor, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(audit, "A_PAGE", size)
    export = begin_export(since=None, until=None, actor=actor, now=timezone.now())

    file = io.BytesIO(b"".join(export.lines()))

    assert verify_export(file).events == export.last
    assert export.problem == ""


def test_a_part_of_the_log_fits_behind_what_is_not_in_it(log: Node, actor: Actor) -> None:
    moment = timezone.now().replace(year=2020)
    Event.objects.filter(sequence__lt=3).update(at=moment)  # the codes no longer fit there
    export = begin_export(since=moment.replace(year=2021), until=None, actor=actor, now=moment)

    found = verify_export(io.BytesIO(b"".join(export.lines())))

    assert (found.first, found.verdict, found.is_own_log) == (3, "whole", True)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--since", "2031-01-01"], "has no event of that time"),
        (["--until", "2001-01-01"], "has no event of that time"),
        (["--since", "2026-11-02", "--until", "2026-11-01"], "first day is after the last"),
        (["--since", "yesterday"], "is no day and no moment"),
        (["--until", "9999-12-31"], "is no day and no moment"),
        (["--since", "2026-02-30"], "is no day and no moment"),
    ],
)
def test_a_time_without_events_or_sense_is_refused(
    log: Node, tmp_path: Path, settings: Settings, words: list[str], reason: str
) -> None:
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    with pytest.raises(Stopped, match=reason):
        command("export", *words, "x.jsonl")
    assert list(tmp_path.glob("*jsonl*")) == []


def test_a_file_that_is_there_stays(exported: Path) -> None:
    before = exported.read_bytes()
    with pytest.raises(Stopped, match="There is a file"):
        command("export", exported.name)
    assert exported.read_bytes() == before


def test_the_auditor_exports_on_the_screen(as_role: Callable[..., Client], log: Node) -> None:
    client = as_role("Auditor")
    assert 'type="date"' in client.get(SCREEN).content.decode()

    today = timezone.localdate()
    answer = client.post(SCREEN, {"since": today.isoformat(), "until": today.isoformat()})
    found = verify_export(io.BytesIO(b"".join(answer.streaming_content)))
    refused = client.post(SCREEN, {"since": "2031-01-01"})
    senseless = client.post(SCREEN, {"until": "9999-12-31"})
    turned = client.post(SCREEN, {"since": "2026-02-02", "until": "2026-02-01"})

    disposition = f'attachment; filename="audit-1-{found.last}.jsonl"'
    assert answer["Content-Disposition"] == disposition
    assert (found.verdict, found.is_own_log, found.is_own_key) == ("whole", True, True)
    assert "no event of that time" in refused.content.decode()
    assert [page.status_code for page in (refused, senseless, turned)] == [422, 422, 422]
    assert as_role("Operator").post(SCREEN).status_code == 403


def test_without_a_key_that_could_sign_nothing_is_exported(log: Node, actor: Actor) -> None:
    Certificate.objects.update(der=b"")
    before = Event.objects.count()
    Certificate.objects.all().delete()

    with pytest.raises(Refused) as refusal:
        begin_export(since=None, until=None, actor=actor, now=timezone.now())

    assert refusal.value.code == "audit.signer"
    assert Event.objects.count() == before
