"""`cert import` of bundles and of whole trees of folders: each certificate is judged by itself."""

import io
import json
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.management import import_progress, import_verb
from certificates.models import Certificate, Event, Node, Purpose
from certificates.operations import import_many as module
from certificates.operations.import_many import import_trusted
from certificates.refusal import Refused
from certificates.x509.uploads.members import der_members, pem_members
from tests.certificates.authority import Authority
from tests.certificates.crafting import craft_ca, integer, pkcs7
from tests.certificates.test_commands import Run, refusal, run

__all__ = ["run"]
pytestmark = pytest.mark.spec("CM-11", "CM-14")
Put = Callable[[str, bytes], str]


@pytest.fixture
def put(tmp_path: Path, settings: Settings) -> Put:
    """Write a file below the folder from which the command is called."""
    settings.CCXSEC_CALLED_FROM = str(tmp_path)

    def write(name: str, data: bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return name

    return write


def pem(der: bytes) -> bytes:
    return ssl.DER_cert_to_PEM_cert(der).encode()


def several(count: int) -> list[bytes]:
    return [craft_ca(serial=integer(0x200 + number)) for number in range(count)]


def refused(*words: str) -> tuple[list[str], str]:
    out = io.StringIO()
    with pytest.raises(CommandError) as stopped:
        call_command("cert", "import", "tomcat-trust", *words, stdout=out, stderr=io.StringIO())
    assert stopped.value.returncode == 1
    return out.getvalue().splitlines(), str(stopped.value)


@pytest.mark.parametrize("form", ["pem", "pkcs7"])
def test_a_bundle_is_added_and_its_repetition_finds_all_there(
    form: str, run: Run, node: Node, ca: Authority, put: Put
) -> None:
    ders = several(250)  # more than an upload may have
    data = pkcs7(ders) if form == "pkcs7" else b"".join(pem(der) for der in ders)
    name = put("all.p7b", data)
    words = ("cert", "import", "tomcat-trust", name, "--bundle")

    would = run(*words, "--dry-run").splitlines()
    done = run(*words).splitlines()
    again = json.loads(run(*words, "--json"))

    assert would[-1].endswith(": 250 would be added, 0 there already, 0 refused.")
    assert done == ["250 certificates and files judged: 250 added, 0 there already, 0 refused."]
    assert again["summary"] == {
        "accepted": 250, "refused": 0, "added": 0, "already_there": 250, "files": 1,
    }  # fmt: skip
    assert Certificate.objects.trust().count() == 250
    assert Event.objects.filter(action="trust:add").count() == 250


def test_what_is_refused_is_named_by_file_and_place(node: Node, ca: Authority, put: Put) -> None:
    one, two = several(2)
    put("a/b/all.pem", pem(one) + pem(b"0\x03\x02\x01\x01") + pem(two))
    put("a/text.txt", b"no certificate\n")

    lines, reason = refused("a", "--bundle")

    assert lines[0].split()[:2] == ["refused", "b/all.pem#2"]
    assert lines[1].split()[:3] == ["refused", "text.txt", "bundle.empty:"]
    assert lines[-1].endswith(": 2 added, 0 there already, 2 refused.")
    assert reason == "2 of 4 certificates were refused."


def test_a_tree_without_bundles_has_a_verdict_a_file(
    run: Run, node: Node, ca: Authority, put: Put
) -> None:
    put("a/root.pem", ca.root)
    put("b.p7b", ca.pkcs7(ca.sub))

    lines = run("cert", "import", "tomcat-trust", "a", "b.p7b").splitlines()

    assert [line.split()[:2] for line in lines[:-1]] == [
        ["accepted", "root.pem"],
        ["accepted", "b.p7b"],
    ]
    assert lines[-1] == "2 files accepted, 0 refused; 2 certificates added."


def test_a_bundle_with_a_key_is_refused_whole(node: Node, ca: Authority, put: Put) -> None:
    key = (ca.folder / "root.key").read_bytes()
    name = put("all.pem", pem(several(1)[0]) * 3 + key)

    lines, _ = refused(name, "--bundle")

    assert lines[0].split()[:3] == ["refused", "all.pem", "key.included:"]
    assert "PRIVATE" not in lines[0]
    assert not Certificate.objects.trust().exists()


def test_a_cut_leaves_whole_steps_and_a_repetition_completes_it(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITTEN", 500)
    files = [(f"{number}", der) for number, der in enumerate(several(1_200))]
    answers = iter([True, True, False])
    by = {"actor": Actor("test"), "now": timezone.now()}

    first = list(
        import_trusted(node, Purpose.TOMCAT_TRUST, files, go_on=lambda: next(answers), **by)
    )
    second = list(import_trusted(node, Purpose.TOMCAT_TRUST, files, **by))

    assert (len(first), len(second)) == (1_000, 1_200)
    assert sum(one.added for one in second) == 200
    assert Event.objects.filter(action="trust:add").count() == 1_200


def test_who_stops_it_is_told(
    run: Run, node: Node, ca: Authority, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = put("all.p7b", pkcs7(several(3)))
    monkeypatch.setattr(import_verb, "until_interrupted", _Pressed)

    said = refusal(run, "cert", "import", "tomcat-trust", name, "--bundle")

    assert "Run it again to add the rest" in said
    assert not Certificate.objects.trust().exists()


class _Pressed:
    def __enter__(self) -> Callable[[], bool]:
        return lambda: False

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""


def test_a_program_may_follow_it(
    run: Run, node: Node, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_progress, "_EVERY_LINE", 0.0)
    name, err = put("all.p7b", pkcs7(several(2))), io.StringIO()

    call_command(
        "cert", "import", "tomcat-trust", name, "--bundle", "--progress", "json",
        stdout=io.StringIO(), stderr=err,
    )  # fmt: skip

    last = json.loads(err.getvalue().splitlines()[-1])["progress"]
    assert last["added"] == 2
    assert last["percent"] > 80


def test_standard_input_is_no_bundle(run: Run, node: Node) -> None:
    said = refusal(run, "cert", "import", "tomcat-trust", "-", "--bundle")

    assert "Write it into a file" in said


@pytest.mark.parametrize(
    ("read", "code"),
    [
        (lambda: pem_members([b"-----BEGIN CERTIFICATE-----\n", b"AAAA\n"]), "parse"),
        (lambda: pem_members([b"text\n"]), "bundle.empty"),
        (lambda: pem_members([b"-----BEGIN X-----\n", b"A" * 1_100_000]), "upload.size"),
        (lambda: der_members(pkcs7(several(2))[:-40]), "parse"),
    ],
    ids=["no-end", "no-block", "endless", "cut"],
)
def test_a_broken_bundle_is_refused_where_it_breaks(read: Callable[[], object], code: str) -> None:
    with pytest.raises(Refused) as stopped:
        list(read())  # type: ignore[call-overload]

    assert stopped.value.code == code
