"""`./ccxsec ipsec`, as an operator and a script use it."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import Event, Node, Purpose
from certificates.operations.import_many import import_trusted
from ipsec.management import in_force
from ipsec.management.commands.ipsec import Command
from ipsec.models import Kind, Policy
from ipsec.operations.history import Happening, record
from ipsec.policy.choices import Authentication
from ipsec.policy.swanctl_text import MASKED
from tests.conftest import NOW
from tests.ipsec.charon import Charon
from tests.ipsec.conftest import HERE, KEY, LEGACY, THERE, Add
from tests.product import ROOT
from tests.test_urls import state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("IP-7")]
HOSTS = ["--source", HERE, "--destination", THERE]
Answers = Callable[[str], None]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is there to negotiate with."""
    monkeypatch.setattr(in_force, "SETTLED", 0.0)


@pytest.fixture
def key_file(node: Node, settings: Settings, tmp_path: Path) -> str:
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    (tmp_path / "psk").write_text(f"{KEY}\n")
    return "psk"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What is typed on the terminal."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))


def run(*words: str) -> Any:
    return json.loads(printed(*words, "--json")[0])


def printed(*words: str) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    call_command("ipsec", *words, stdout=out, stderr=errors)
    return out.getvalue(), errors.getvalue()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        printed(*words)
    assert error.value.returncode == 1
    return str(error.value)


@pytest.mark.spec("IP-1", "IP-2", "IP-3", "IP-4")
def test_a_policy_is_added_shown_changed_and_deleted(charon: Charon, key_file: str) -> None:
    words = ["add", "web/a", *HOSTS, "--protocol", "tcp", "--destination-port", "443"]
    added = run(*words, "--key-file", key_file, "--enable", "--yes")
    assert (added["added"], added["enabled"], added["packets"]) == ("web/a", True, "blocked")
    assert added["state"] in {"negotiating", "waiting for traffic"}
    assert KEY not in json.dumps(added)
    [line] = run("list")
    assert (line["policy"], line["destination"]) == ("web/a", f"{THERE}[tcp/443]")

    shown = run("show", "web/a")
    assert [shown[name] for name in ("phase_two_dh", "source_port", "preshared_key")] == [
        20,
        "any",
        "set",
    ]
    words = ["set", "web/a", "--phase-two-dh", "off", "--rename", "web/b", "--disable"]
    changed = run(*words)
    assert [changed[name] for name in ("policy", "phase_two_dh", "enabled")] == [
        "web/b",
        "off",
        False,
    ]
    assert run("apply")["loaded"] == []
    assert run("delete", "web/b", "--yes")["deleted"] == ["web/b"]
    assert run("list") == []
    assert printed("list") == ("", "")


def test_every_field_has_its_option(key_file: str) -> None:
    given = {
        "--source": "2001:db8::1",
        "--source-port": "1024",
        "--destination": "CCX2.example.com",
        "--destination-port": "any",
        "--protocol": "udp",
        "--mode": "transport",
        "--remote-port": "4500",
        "--authentication": "psk",
        "--peer-type": "same",
        "--certificate-name": "",
        "--ike-version": "1",
        "--encryption": "AES-128",
        "--hash": "SHA512",
        "--phase-one-life-time": "60",
        "--phase-one-dh": "14",
        "--esp": "RIJNDAEL",
        "--phase-two-life-time": "2147483",
        "--phase-two-dh": "off",
    }
    words = [word for pair in given.items() for word in pair]

    added = run("add", "web/a", *words, "--key-file", key_file)

    names = {"source": "source_address", "destination": "destination_address"}
    for option, value in given.items():
        name = option[2:].replace("-", "_")
        assert str(added[names.get(name, name)]) == value.replace("CCX2", "ccx2")


@pytest.mark.parametrize(("profile", "esp"), [("modern", "AES-256-GCM"), ("unified-ccx", "3DES")])
def test_a_profile_fills_in_what_is_not_said(key_file: str, profile: str, esp: str) -> None:
    words = ["--key-file", key_file, "--yes", "--hash", "SHA256"]

    added = run("add", "web/a", *HOSTS, "--profile", profile, *words)

    assert (added["esp"], added["hash"]) == (esp, "SHA256")


NEW = ["add", "web/b", "--source", HERE, "--destination", "192.0.2.9"]
KEYED = [*NEW, "--key-file", "psk"]
SECOND = ["add", "web/b", *HOSTS, "--protocol", "tcp", "--yes"]
REFUSALS: dict[str, tuple[list[str], str]] = {
    "find": (["list", "--find", "colour contains red"], "no field 'colour'"),
    "find without an operator": (["list", "--find", "name"], "is not 'field operator value'"),
    "no policy": (["show", "web/x"], "There is no policy 'web/x'"),
    "no name": (["show", "web"], "'web' does not name a policy"),
    "hostile name": (["show", "a/\x1b[31m\u202e"], "There is no policy"),
    "nul": (["show", "a/\0"], "There is no policy"),
    "no group": (["add", "/b", *NEW[2:], "--key-file", "psk"], "Policy Group Name is empty"),
    "bad name": (["add", "web/b c", *NEW[2:], "--key-file", "psk"], "only letters"),
    "no key": (NEW, "The pre-shared key is missing"),
    "empty key": ([*NEW, "--key-file", "empty"], "The secret that was given is empty"),
    "short key": ([*NEW, "--key-file", "short"], "has 5 characters"),
    "no text": ([*NEW, "--key-file", "bytes"], "The secret that was given is no text"),
    "no key file": ([*NEW, "--key-file", "nothing"], "No such file"),
    "port": ([*KEYED, "--source-port", "65536"], "Source Port 65536 does not exist"),
    "life": ([*KEYED, "--phase-one-life-time", "59"], "Phase One Life Time is 59 seconds"),
    "address": ([*KEYED, "--source", "::ffff:1.2.3.4"], "in the clothes of IPv6"),
    "family": ([*KEYED, "--source", "::2"], "two families"),
    "ikev1": ([*KEYED, "--ike-version", "1"], "IKEv1 does not know AES-256-GCM in phase one"),
    "certificate": (
        [*NEW, "--authentication", "certificate", "--peer-type", "different"],
        "needs the name of the peer's certificate",
    ),
    "taken": (["add", "web/a", *NEW[2:], "--key-file", "psk"], "There is a policy web/a already"),
    "pair": ([*SECOND, "--hash", "SHA256"], "Hash Algorithm is SHA-256 here"),
    "legacy, no answer": ([*KEYED, "--esp", "3DES"], "not answered with yes"),
    "overlap, no answer": (SECOND[:-1], "not answered with yes"),
    "enable, no answer": ([*KEYED, "--enable"], "not answered with yes"),
    "delete, no answer": (["delete", "web/a"], "not answered with yes"),
    "delete nothing": (["delete", "--yes"], "--all"),
    "delete both": (["delete", "web/a", "--all", "--yes"], "--all"),
    "trial": (["enable", "web/a", "--trial", "0"], "A trial of 0 minutes"),
    "no trial": (["confirm", "web/a"], "No trial of these policies is running"),
    "connect": (["connect", "web/a"], "web/a is disabled"),
    "disconnect without a daemon": (["disconnect", "--all"], "No IKE daemon answers"),
    "apply without a daemon": (["apply"], "No IKE daemon answers"),
    "compare": (["compare", "web/a", "short"], "JSON"),
    "import": (["import", "bytes"], "UTF-8"),
    "no file": (["import", "nothing"], "No such file"),
}


@pytest.mark.spec("IP-2")
@pytest.mark.parametrize(("words", "says"), [*REFUSALS.values()], ids=[*REFUSALS])
def test_what_is_refused_is_one_line_and_changes_nothing(
    add: Add, key_file: str, tmp_path: Path, answers: Answers, words: list[str], says: str
) -> None:
    for name, content in (("empty", b""), ("short", b"xqz-7"), ("bytes", b"\xff\xfe\0\x80")):
        (tmp_path / name).write_bytes(content)
    add()
    answers("no")
    before = state()

    said = refused(*words)

    assert says in said
    assert said.isprintable()
    assert state() == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["add", "web/a"],
        [*KEYED, "--preshared-key", KEY],
        [*KEYED, "--esp", "ROT13"],
        [*KEYED, "--phase-one-dh", "off"],
        [*KEYED, "--phase-two-dh", "3"],
        [*KEYED, "--source-port", "0"],
        [*KEYED, "--source-port", "http"],
        [*KEYED, "--remote-port", "any"],
        ["set", "web/a", "--enable", "--disable"],
        ["upgrade"],
        ["export", "web/a", "--format", "pdf"],
    ],
    ids=lambda words: " ".join(words[-2:]) or "nothing",
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command = Command()
    command._called_from_command_line = True

    with pytest.raises(SystemExit) as ended:
        command.create_parser("manage.py", "ipsec").parse_args(words)

    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.spec("IP-2")
def test_weak_choices_are_asked_about_and_can_be_forbidden(
    key_file: str, answers: Answers, settings: Settings
) -> None:
    words = [*KEYED, "--profile", "unified-ccx"]
    answers("yes")
    _, asked = printed(*words)
    assert "Legacy: Encryption Algorithm 3DES" in asked
    assert Policy.objects.get().esp == "3DES"

    settings.CCXSEC_ALLOW_LEGACY = False
    words[1] = "web/c"
    words[5] = "192.0.2.10"
    assert "is forbidden here" in refused(*words, "--yes")
    assert "is forbidden here" in refused("enable", "web/b")
    assert "is forbidden here" in refused("set", "web/b", "--phase-two-life-time", "60")


def test_what_has_been_confirmed_is_not_asked_again(add: Add, key_file: str) -> None:
    add(**LEGACY)

    _, asked = printed("set", "web/a", "--phase-two-life-time", "60")

    assert asked == ""


@pytest.mark.spec("IP-2")
def test_a_pair_follows(add: Add, key_file: str) -> None:
    add(destination_port=80, protocol="tcp")
    words = ["--protocol", "tcp", "--destination-port", "443", "--hash", "SHA512"]

    _, told = printed("add", "web/b", *HOSTS, *words, "--with-pair", "--yes")

    assert {row.hash for row in Policy.objects.all()} == {"SHA512"}
    assert "Saved, and not in force: No IKE daemon answers" in told


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
