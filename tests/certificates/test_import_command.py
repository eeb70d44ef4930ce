"""`cert import`, `cert delete`, `cert rollback` and `csr` on the command line."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from certificates.models import Certificate, Event, Node, Purpose, SigningRequest
from tests.certificates.authority import Authority
from tests.certificates.conftest import Ask, active
from tests.certificates.test_commands import Run, refusal, run

__all__ = ["run"]


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Any:
    """Write a file into the folder from which the command is called."""
    folder = tmp_path / "files"
    folder.mkdir()
    settings.CCXSEC_CALLED_FROM = str(folder)

    def write(data: bytes, name: str = "a.pem") -> str:
        (folder / name).write_bytes(data)
        return name

    return write


def refused_json(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    with pytest.raises(CommandError) as stopped:
        call_command(*words, "--json", stdout=out, stderr=io.StringIO())
    assert stopped.value.returncode == 1
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


@pytest.mark.spec("CM-11", "CM-20")
def test_the_dry_run_tells_all_and_changes_nothing(
    run: Run, node: Node, ask: Ask, ca: Authority, file: Any
) -> None:
    chain = file(ca.pkcs7(ca.sign(ask().pem), ca.sub), "a.p7b")
    before, events = active(node), Event.objects.count()

    answer = json.loads(run("cert", "import", "tomcat", chain, "--dry-run", "--json"))

    assert (answer["accepted"], answer["reason"]) == (True, None)
    assert {check["outcome"] for check in answer["checks"]} <= {"pass", "warn"}
    assert all(set(check) == {"id", "outcome", "sentence", "cure"} for check in answer["checks"])
    assert [one["role"] for one in answer["certificates"]] == ["identity", "issuer"]
    assert {"subject", "serial", "sha256"} <= set(answer["certificates"][0])
    assert answer["path"] == [one["sha256"] for one in answer["certificates"]]
    assert answer["replaces"]["sha256"] == before.fingerprint
    assert answer["restart"] == ["tomcat on ccx1.example.com"]
    assert (active(node), Event.objects.count()) == (before, events)


@pytest.mark.spec("CM-11")
def test_installs_and_answers_the_same(
    run: Run, node: Node, ask: Ask, ca: Authority, file: Any
) -> None:
    chain = file(ca.pkcs7(ca.sign(ask().pem), ca.sub), "a.p7b")
    planned = json.loads(run("cert", "import", "tomcat", chain, "--dry-run", "--json"))

    done = json.loads(run("cert", "import", "tomcat", chain, "--json"))

    assert done == planned
    assert active(node).fingerprint == done["path"][0]
    again = json.loads(run("cert", "import", "tomcat", chain, "--json"))
    assert (again["accepted"], again["replaces"], again["restart"]) == (True, None, [])


def test_reads_standard_input(
    run: Run, node: Node, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ca.root)))

    assert "installed" in run("cert", "import", "tomcat-trust", "-")
    assert Certificate.objects.trust().get().common_name == "Lab Root"


@pytest.mark.spec("CM-13", "CM-15", "CM-22")
@pytest.mark.parametrize(
    ("purpose", "what", "reason"),
    [
        ("tomcat", "root", "purpose.wrong"),
        ("tomcat-trust", "key", "key.included"),
        ("directory-trust", "root", "purpose.directory"),
        ("phone", "root", "purpose.unknown"),
        ("tomcat-trust", "text", "upload.text"),
        ("tomcat-trust", "nothing", "upload.empty"),
    ],
)
def test_a_refusal_is_json_and_exit_status_1(
    purpose: str,
    what: str,
    reason: str,
    node: Node,
    ca: Authority,
    file: Any,
) -> None:
    key = (ca.folder / "root.key").read_bytes()
    name = file({"root": ca.root, "key": key, "text": b"hello\n", "nothing": b""}[what])

    answer = refused_json("cert", "import", purpose, name)

    assert (answer["accepted"], answer["reason"]) == (False, reason)
    failed = [check["id"] for check in answer["checks"] if check["outcome"] == "fail"]
    assert failed == [reason]
    assert answer["restart"] == []
    assert answer["replaces"] is None
    assert "PRIVATE" not in json.dumps(answer)


def test_strict_lets_a_warning_refuse(run: Run, node: Node, ca: Authority, file: Any) -> None:
    name = file(ca.root)
    run("cert", "import", "tomcat-trust", name)

    assert "already" in refusal(run, "cert", "import", "tomcat-trust", name, "--strict")
    assert "is there already" in run("cert", "import", "tomcat-trust", name)


@pytest.mark.spec("CM-14")
def test_a_folder_gives_one_verdict_a_line_and_goes_on(
    run: Run, node: Node, ca: Authority, other_ca: Authority, file: Any
) -> None:
    for name, data in {
        "1-root.pem": ca.root,
        "2-text.txt": b"no certificate\n",
        "3-again.der": ca.der(ca.root),
        "4-other.p7b": ca.pkcs7(other_ca.root, ca.sub),
    }.items():
        file(data, name)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of 4 files were refused"):
        call_command("cert", "import", "ipsec-trust", ".", stdout=out)

    lines = out.getvalue().splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["accepted", "1-root.pem"],
        ["refused", "2-text.txt"],
        ["accepted", "3-again.der"],
        ["accepted", "4-other.p7b"],
    ]
    assert lines[-1] == "3 files accepted, 1 refused; 3 certificates added."
    names = Certificate.objects.trust().values_list("common_name", flat=True)
    assert set(names) == {"Lab Root", "Other Root", "Lab Sub"}
    assert "go into a trust store" in refusal(run, "cert", "import", "ipsec", ".")


def test_a_folder_as_a_dry_run_changes_nothing(
    run: Run, node: Node, ca: Authority, file: Any
) -> None:
    file(ca.root)

    lines = run("cert", "import", "tomcat-trust", ".", "--dry-run", "--json").splitlines()

    assert json.loads(lines[0])["added"] == 1
    assert not Certificate.objects.trust().exists()


def test_a_file_that_is_not_there_is_said(run: Run, node: Node, file: Any) -> None:
    assert "No such file" in refusal(run, "cert", "import", "tomcat", "missing.pem")


@pytest.mark.spec("CM-5", "CM-6")
def test_deletes_after_the_question(
    run: Run, node: Node, ca: Authority, ask: Ask, file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("cert", "import", "tomcat-trust", file(ca.root))
    ask()
    monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
    assert "nothing was changed" in refusal(run, "cert", "delete", "tomcat-trust/Lab Root")

    answer = json.loads(run("cert", "delete", "tomcat-trust/Lab Root", "--yes", "--json"))

    assert answer["deleted"] == ["tomcat-trust/Lab_Root.pem"]
    assert answer["removed_requests"] == ["tomcat.csr"]
    assert not Certificate.objects.trust().exists()
    assert not SigningRequest.objects.pending().exists()
    assert "replaced, not deleted" in refusal(run, "cert", "delete", "tomcat", "--yes")


def test_rolls_back(
    run: Run, node: Node, ca: Authority, ask: Ask, tomcat: Certificate, file: Any
) -> None:
    run("cert", "import", "tomcat", file(ca.pkcs7(ca.sign(ask().pem), ca.sub)))

    answer = json.loads(run("cert", "rollback", "tomcat", "--json"))

    assert answer["fingerprint"] == tomcat.fingerprint == active(node).fingerprint
    assert "no former ipsec" in refusal(run, "cert", "rollback", "ipsec")


@pytest.mark.spec("CM-16", "CM-18")
def test_makes_shows_and_cancels_requests(
    run: Run, node: Node, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--key-length", "2048", "--san", "a.example.com", "--san", "192.0.2.7"]
    made = json.loads(run("csr", "gen", "tomcat", *words, "--organization", "Lab", "--json"))

    shown = run("csr", "show", "tomcat")
    text = ca.run("req", "-noout", "-text", given=shown.encode()).decode()
    assert "DNS:a.example.com, IP Address:192.0.2.7" in text
    assert "O = Lab" in text
    pem = ca.run("req", given=shown.encode())
    assert (
        pem.decode().strip() == made["pem"].strip() == run("csr", "show", "tomcat", "--pem").strip()
    )
    assert [row["file_name"] for row in json.loads(run("csr", "list", "--json"))] == ["tomcat.csr"]

    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert "nothing was changed" in refusal(run, "csr", "gen", "tomcat")
    again = json.loads(run("csr", "gen", "tomcat", "--key-length", "2048", "--yes", "--json"))
    assert again["superseded"] == [made["key_fingerprint"]]
    run("csr", "cancel", "tomcat")
    assert json.loads(run("csr", "list", "--json")) == []
    states = [row["state"] for row in json.loads(run("csr", "list", "--all", "--json"))]
    assert states == ["cancelled", "superseded"]
    assert json.loads(run("csr", "reopen", str(made["number"]), "--json"))["state"] == "pending"
    assert "No signing request" in refusal(run, "csr", "show", "ipsec")


@pytest.mark.spec("CM-15", "CM-16")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["directory"], "do not apply"),
        (["tomcat-trust"], "is a trust store"),
        (["tomcat", "--key-length", "1536"], "are not made here"),
        (["tomcat", "--hash", "sha1"], "can't be signed with"),
        (["tomcat", "--common-name", "a b"], "neither a host name"),
    ],
)
def test_what_no_request_is_made_of_is_refused(
    words: list[str], sentence: str, run: Run, node: Node
) -> None:
    assert sentence in refusal(run, "csr", "gen", *words)
    assert not SigningRequest.objects.exists()


def test_multi_server_takes_every_node(run: Run, node: Node, ca: Authority) -> None:
    Node.objects.create(host_name="ccx2.example.com", addresses=["192.0.2.20"])

    run("csr", "gen", "tomcat", "--key-length", "2048", "--multi-server")

    row = SigningRequest.objects.pending().get()
    assert row.nodes.count() == 2
    assert row.serves == Purpose.TOMCAT
    assert row.created_at <= timezone.now()
