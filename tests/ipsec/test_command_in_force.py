"""`./ccxsec ipsec` once a policy is there: switch, apply, look, compare, tell."""

import io
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from certificates.access import Actor
from certificates.models import Event, Node, Purpose
from certificates.operations.import_many import import_trusted
from ipsec.management.commands.ipsec import Command
from ipsec.models import Kind, Policy
from ipsec.operations.history import Happening, record
from ipsec.policy.choices import Authentication
from ipsec.policy.swanctl_text import MASKED
from tests.conftest import NOW
from tests.ipsec.charon import Charon
from tests.ipsec.commanding import KEYED, printed, refused, run
from tests.ipsec.conftest import HERE, KEY, LEGACY, THERE, Add, Answers
from tests.product import ROOT
from tests.test_urls import state

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.spec("IP-7"),
    pytest.mark.usefixtures("soon"),
]


@pytest.mark.spec("IP-3", "IP-4")
def test_several_are_enabled_tried_disabled_and_deleted(
    charon: Charon, add: Add, answers: Answers
) -> None:
    for number in range(3, 6):
        add(f"p-{number}", destination_address=f"192.0.2.{number}")

    assert run("enable", "web/p-3")["enabled"] == ["web/p-3"]
    done = run("enable", "--all", "--trial", "10")
    assert done["enabled"] == ["web/p-4", "web/p-5"]
    assert run("confirm", "--all")["confirmed"] == ["web/p-4", "web/p-5"]
    assert {row["policy"] for row in run("list", "--enabled")} == {f"web/p-{n}" for n in (3, 4, 5)}
    assert run("disable", "web/p-4")["disabled"] == ["web/p-4"]
    assert [row["policy"] for row in run("list", "--disabled")] == ["web/p-4"]
    assert run("list", "--find", "destination ends with .2.5")[0]["policy"] == "web/p-5"
    answers("yes")
    _, asked = printed("delete", "--all")
    assert "3 policies with their keys: web/p-3, web/p-4, web/p-5" in asked
    with charon.session() as session:
        assert list(session.list_conns()) == []


def test_without_a_daemon_it_is_saved_and_told(key_file: str) -> None:
    out, told = printed(*KEYED, "--enable", "--yes")

    assert "state: not in force" in out
    assert told.startswith("warning: Saved, and not in force: No IKE daemon answers at ")
    assert Policy.objects.get().is_enabled
    with pytest.raises(CommandError, match="1 of 1 enabled policies are not as intended: web/b"):
        printed("status")


def test_status_is_good_while_nothing_is_enabled(add: Add) -> None:
    add()

    [line] = run("status")["policies"]

    assert (line["state"], line["bytes_out"], line["since"]) == ("disabled", 0, "")


def test_status_tells_what_others_have_loaded(charon: Charon, node: Node) -> None:
    with charon.session() as session:
        session.load_conn({"theirs": {"local_addrs": [HERE], "children": {"a": {}}}})

    assert run("status")["others"] == ["theirs"]
    assert "theirs" in printed("status")[0]
    run("apply")
    assert run("status")["others"] == ["theirs"]


def test_what_would_be_changed_is_told_and_not_done(charon: Charon, add: Add) -> None:
    row = add(enabled=True)
    before = state()
    plan = run("apply", "--dry-run")
    assert plan["load"] == [name for name in plan["load"] if name.startswith("ccxsec/192.0.2.1/")]
    assert len(plan["load"]) == 1
    assert state() == before

    loaded = run("apply")["loaded"]
    assert loaded == plan["load"]
    assert run("apply", "--dry-run")["load"] == []
    Policy.objects.filter(pk=row.pk).update(is_enabled=False)
    assert run("apply", "--dry-run")["unload"] == loaded


@pytest.mark.parametrize("source", [HERE, "2001:db8::1", "ccx1.example.com"])
def test_a_daemon_takes_the_printed_configuration(
    charon: Charon,
    add: Add,
    source: str,
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    there = {HERE: THERE, "2001:db8::1": "2001:db8::2"}.get(source, "ccx2.example.com")
    hosts = {"source_address": source, "destination_address": there}
    add("a", enabled=True, protocol="tcp", destination_port=443, **hosts)
    add("b", enabled=True, protocol="udp", key="", **hosts)
    printed("apply", "--dry-run")
    text = capsysbinary.readouterr().out.decode()
    path = tmp_path / "swanctl.conf"
    path.write_text(text)

    assert KEY not in text
    assert f"secret = {MASKED}" in text
    done = charon.swanctl("--load-conns", "--file", str(path))
    assert (done.returncode, "loaded connection" in done.stdout) == (0, True), done
    with charon.session() as session:
        [section] = list(session.list_conns())
        [connection] = section.values()
        listed = [charon.swanctl("--load-creds", "--file", str(path)), session.get_shared()]
    assert {name.partition("@")[0] for name in connection["children"]} == {"web/a", "web/b"}
    assert (connection["local_addrs"], connection["remote_addrs"]) == (
        [source.encode()],
        [there.encode()],
    )
    assert listed[0].returncode == 0


def test_a_configuration_with_certificates_names_their_files(
    charon: Charon,
    node: Node,
    add: Add,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    add(key="", enabled=True, authentication=Authentication.CERTIFICATE)
    printed("apply", "--dry-run")
    text = capsysbinary.readouterr().out.decode()
    assert "# web/a is left out: The ipsec-trust store is empty" in text

    own = node.certificates.active().get(purpose="ipsec")
    peer = node.certificates.active().get(purpose="tomcat")
    list(import_trusted(node, Purpose.IPSEC_TRUST, [("a", peer.pem)], actor=Actor("test"), now=NOW))
    trusted = node.certificates.active().get(purpose="ipsec-trust")
    printed("apply", "--dry-run")
    text = capsysbinary.readouterr().out.decode()

    assert f"# ipsec.pem is the certificate {own.fingerprint}" in text
    assert f"# {trusted.file_name} is the certificate {peer.fingerprint}" in text
    (tmp_path / "x509").mkdir()
    (tmp_path / "x509" / "ipsec.pem").write_bytes(own.pem)
    (tmp_path / "x509" / trusted.file_name).write_bytes(peer.pem)
    (tmp_path / "swanctl.conf").write_text(text)
    monkeypatch.setenv("SWANCTL_DIR", str(tmp_path))
    done = charon.swanctl("--load-conns", "--file", str(tmp_path / "swanctl.conf"))
    assert (done.returncode, "loaded connection" in done.stdout) == (0, True), done


# --- Asked of the daemon -------------------------------------------------------------------------
def test_a_peer_that_is_not_there_is_diagnosed(
    charon: Charon, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(enabled=True)
    monkeypatch.setattr("ipsec.strongswan.INITIATE_PATIENCE", 0.5)

    assert refused("connect", "web/a").startswith("web/a: ")
    assert refused("diagnose", "web/a")
    assert [row["what"] for row in run("history", "web/a")] == ["failed"]
    assert run("rekey", "--all")["rekeyed"] == []
    assert run("disconnect", "web/a")["disconnected"] == []


def test_before_it_is_enabled(charon: Charon, add: Add) -> None:
    add()
    checks = run("preflight", "web/a")["checks"]
    assert "warn  policy.blocks: Until the peer follows" in " ".join(checks)

    add("b", source_address="192.0.2.77")
    assert "192.0.2.77 is no address of this server" in refused("preflight", "web/b")


# --- The other side ------------------------------------------------------------------------------
@pytest.mark.spec("IP-2")
@pytest.mark.parametrize("form", ["json", "swanctl", "libreswan", "ios"])
def test_an_export_holds_no_key(
    add: Add, form: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    add(**LEGACY)

    printed("export", "web/a", "--format", form)

    text = capsysbinary.readouterr().out
    assert THERE.encode() in text
    assert KEY.encode() not in text
    assert Event.objects.get(action="policy:export").detail == {"format": form}


@pytest.mark.spec("IP-2")
def test_the_other_sides_export_is_compared_and_imported(
    add: Add, key_file: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    row = add("a", protocol="tcp", destination_port=443)
    printed("export", "web/a")
    theirs = capsysbinary.readouterr().out
    (tmp_path / "theirs.json").write_bytes(theirs)
    # Here the two hosts are the other way round: this is what the peer would do.
    row.delete()

    done = run("import", "theirs.json", "--key-file", key_file)
    assert done["added"] == ["web/a"]
    there = Policy.objects.get()
    assert (there.source_address, there.source_port) == (THERE, 443)
    assert there.unsealed_key() == KEY
    assert run("import", "theirs.json")["added"] == []
    assert run("compare", "web/a", "theirs.json")["differences"] == []

    run("set", "web/a", "--phase-one-dh", "14")
    out = io.StringIO()
    with pytest.raises(CommandError, match="don't agree: Phase One DH"):
        call_command("ipsec", "compare", "web/a", "theirs.json", stdout=out)
    assert "phase_one_dh" in out.getvalue()
    assert "says something else" in refused("import", "theirs.json")


# --- All of them ---------------------------------------------------------------------------------
@pytest.mark.spec("IP-5")
def test_a_system_upgrade_refuses_every_change(add: Add, key_file: str) -> None:
    add()
    assert run("upgrade", "on")["upgrade_in_progress"]
    assert run("upgrade", "show")["by"].startswith("command line, ")
    for words in (
        [*KEYED, "--yes"],
        ["set", "web/a", "--phase-two-life-time", "60"],
        ["enable", "web/a"],
        ["disable", "--all"],
        ["delete", "--all", "--yes"],
    ):
        assert "A system upgrade is in progress" in refused(*words)
    assert not run("upgrade", "off")["upgrade_in_progress"]
    assert run("disable", "--all")["disabled"] == []


def test_the_history_is_told_newest_first(add: Add) -> None:
    row = add()
    record({row.pk: Happening(Kind.UP, "Negotiated \u202e with\x1b[31m it.")}, at=NOW)
    record({row.pk: Happening(Kind.FAILED, "The peer refused.", "Mend it.", "esp")}, at=NOW)

    assert [one["what"] for one in run("history")] == ["failed", "up"]
    assert run("history", "web/a", "--limit", "1")[0]["field"] == "esp"
    assert run("history", "--limit", "-1") == []
    assert "\x1b" not in printed("history")[0]


def test_every_verb_is_documented_and_no_other() -> None:
    parser = Command().create_parser("manage.py", "ipsec")
    [verbs] = [action for action in parser._actions if isinstance(action.choices, dict)]
    page = (ROOT / "docs" / "ipsec-command.md").read_text()
    cells = re.findall(r"^\| (`.*?) \| ", page, re.MULTILINE)

    told = {name for cell in cells for name in re.findall(r"`(\w+)|, `(\w+)", cell)}
    assert {name for pair in told for name in pair if name} == set(verbs.choices)
