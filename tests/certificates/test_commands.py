"""The command line: the same operations, with `--json` and an exit status."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from certificates.management.operator_command import Stopped
from certificates.models import BackupReminder, Certificate, Event, Job, Node, RestartNotice
from tests.certificates.test_list import trusted

Run = Callable[..., str]


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run a command; what it printed."""

    def call(*words: str) -> str:
        out = io.StringIO()
        call_command(*words, stdout=out, stderr=io.StringIO())
        return out.getvalue() + capsysbinary.readouterr().out.decode("latin-1")

    return call


def refusal(run: Run, *words: str) -> str:
    with pytest.raises(Stopped) as stopped:
        run(*words)
    assert stopped.value.returncode == 1
    return str(stopped.value)


@pytest.mark.spec("CM-1", "CM-2")
def test_lists_and_finds(run: Run, node: Node) -> None:
    trusted(node, "Alpha CA")
    trusted(node, "Beta CA", purpose="ipsec-trust")

    listed = json.loads(run("cert", "list", "--json"))
    found = json.loads(
        run("cert", "list", "trust", "--json", "--find", "common_name contains beta")
    )

    assert [row["file_name"] for row in listed][:2] == ["ipsec.pem", "tomcat.pem"]
    assert [row["common_name"] for row in found] == ["Beta CA"]
    assert len(json.loads(run("cert", "list", "own", "--json"))) == 2
    assert json.loads(run("cert", "list", "csr", "--json")) == []
    assert "Alpha CA" in run("cert", "list")
    assert "no field 'x'" in refusal(run, "cert", "list", "--find", "x contains y")
    assert "There is no node 'y'" in refusal(run, "cert", "list", "--node", "y")


@pytest.mark.spec("CM-3")
def test_shows_every_part(run: Run, node: Node, tomcat: Certificate) -> None:
    trusted(node, "Alpha CA")

    shown = json.loads(run("cert", "show", "tomcat", "--json"))

    assert shown["fingerprint"] == tomcat.fingerprint
    assert "Subject alternative name: DNS: ccx1.example.com" in shown["extensions"]
    for name in ("tomcat-trust/Alpha CA", "tomcat-trust/Alpha_CA.pem"):
        assert "Alpha CA" in run("cert", "show", name)
    assert "holds many" in refusal(run, "cert", "show", "tomcat-trust")
    assert "has no certificate" in refusal(run, "cert", "show", "tomcat-trust/Nobody")


@pytest.mark.spec("CM-15")
def test_a_purpose_that_is_none_is_refused(run: Run, node: Node) -> None:
    assert "do not apply" in refusal(run, "cert", "show", "directory-trust")
    assert "trust store" in refusal(run, "cert", "regen", "tomcat-trust", "--yes")


@pytest.mark.spec("CM-4", "CM-24")
@pytest.mark.parametrize("form", ["pem", "der"])
def test_exports_exact_bytes(run: Run, tomcat: Certificate, form: str, openssl: str) -> None:
    written = run("cert", "export", "tomcat", "--format", form).encode("latin-1")

    command = [openssl, "x509", "-inform", form, "-outform", "der"]
    read = subprocess.run(command, input=written, capture_output=True, check=True).stdout
    assert read == bytes(tomcat.der)


@pytest.mark.spec("CM-8", "CM-7", "CM-10")
def test_regenerates_and_says_what_is_next(run: Run, node: Node, tomcat: Certificate) -> None:
    done = json.loads(
        run("cert", "regen", "tomcat", "--curve", "P-384", "--days", "30", "--yes", "--json")
    )

    made = node.certificates.active().get(purpose="tomcat")
    assert done["fingerprint"] == made.fingerprint
    assert (made.key_label, (made.not_after - made.not_before).days) == ("EC P-384", 30)
    assert RestartNotice.objects.open().get().expected == made.fingerprint
    assert BackupReminder.objects.open().exists()
    event = Event.objects.get(object_id=str(made.pk), action="certificate:generate")
    assert event.actor.startswith("command line, ")


@pytest.mark.spec("CM-8")
@pytest.mark.parametrize(("answer", "goes_on"), [("yes\n", True), ("no\n", False), ("", False)])
def test_asks_the_question_of_the_original(
    run: Run,
    tomcat: Certificate,
    answer: str,
    goes_on: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    words = ("cert", "regen", "tomcat", "--curve", "P-256")
    if goes_on:
        run(*words)
    else:
        assert "nothing was changed" in refusal(run, *words)

    tomcat.refresh_from_db()
    assert (tomcat.state == "superseded") == goes_on


@pytest.mark.spec("CM-8")
def test_other_key_lengths_are_refused(run: Run, node: Node, settings: Settings) -> None:
    for length in ("512", "1536", "8192", "-1"):
        words = ("cert", "regen", "tomcat", "--key-length", length, "--yes")
        assert "are not made here" in refusal(run, *words)
    settings.CCXSEC_ALLOW_LEGACY = False
    assert "CCXSEC_ALLOW_LEGACY" in refusal(
        run, "cert", "regen", "tomcat", "--key-length", "1024", "--yes"
    )


@pytest.mark.spec("CM-7")
def test_lists_and_acknowledges_restarts(run: Run, node: Node) -> None:
    run("cert", "regen", "ipsec", "--curve", "P-256", "--yes")

    assert json.loads(run("restart", "list", "--json"))[0]["by"] == "by hand, then restart ack"
    left = json.loads(run("restart", "run", "--json"))["left_to_you"]
    assert "restart of ipsec on ccx1.example.com" in left[0]
    run("restart", "ack", "ipsec")

    assert json.loads(run("restart", "list", "--json")) == []
    assert "No restart of ipsec is due" in refusal(run, "restart", "ack", "ipsec")


@pytest.mark.spec("CM-7")
def test_a_restart_needs_the_running_server(run: Run, node: Node) -> None:
    run("cert", "regen", "tomcat", "--curve", "P-256", "--yes")

    assert "does not run" in refusal(run, "restart", "run")
    assert RestartNotice.objects.open().exists()


def test_wrong_usage_is_told_apart_from_a_refusal(run: Run) -> None:
    with pytest.raises(CommandError) as wrong:
        run("cert", "export", "tomcat", "--format", "p12")

    assert not isinstance(wrong.value, Stopped)


def test_verifies_the_audit_log(run: Run, transactional_db: None, node: Node) -> None:
    assert json.loads(run("audit", "verify", "--json"))["verdict"] == "whole"
    Event.objects.filter(sequence=1).update(actor="x")
    assert "was changed after it was written" in refusal(run, "audit", "verify")


@pytest.fixture
def key_file(settings: Settings, tmp_path: Any) -> Any:
    """Master keys in a file, as `./ccxsec up` makes it."""
    path = tmp_path / "master.keys"
    path.write_text(settings.CCXSEC_MASTER_KEYS + "\n")
    settings.CCXSEC_MASTER_KEYS = ""
    settings.CCXSEC_MASTER_KEY_FILE = path
    return path


def test_rotates_the_master_key_and_lets_the_old_one_go(
    run: Run, key_file: Any, node: Node, tomcat: Certificate
) -> None:
    assert "is the newest one" in refusal(run, "secrets", "retire", "1")
    result = json.loads(run("secrets", "rotate", "--json"))["result"]

    assert "Key 1 may go" in result
    row = Job.objects.get(kind="rewrap")
    assert row.done == row.total > 0
    assert json.loads(run("secrets", "show", "--json"))["may_go"] == "1"
    run("secrets", "retire", "1")
    assert key_file.read_text().startswith("2:")
    assert (key_file.stat().st_mode & 0o777) == 0o600
    assert tomcat.unseal_key(actor="test", reason="test")
    assert "is the newest one" in refusal(run, "secrets", "retire", "2")
    assert "no master key 7" in refusal(run, "secrets", "retire", "7")
    run("secrets", "rotate")
    result = json.loads(run("secrets", "rotate", "--json"))["result"]
    assert "`./ccxsec secrets retire 2`. Key 3 may go" in result


def test_keys_of_the_environment_are_rotated_there(run: Run, node: Node) -> None:
    assert "come from the environment" in refusal(run, "secrets", "rotate")
