"""`./ccxsec ipsec` as an operator and a script use it: what is added and changed, or refused."""

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from ipsec.management.commands.ipsec import Command
from ipsec.models import Policy
from tests.ipsec.charon import Charon
from tests.ipsec.commanding import HOSTS, KEYED, NEW, printed, refused, run
from tests.ipsec.conftest import KEY, LEGACY, THERE, Add, Answers
from tests.test_urls import state

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.spec("IP-7"),
    pytest.mark.usefixtures("soon"),
]


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
