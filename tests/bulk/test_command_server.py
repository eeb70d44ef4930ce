"""`./ccxsec bulk set`, `check`, `pin`, `keep-host-key`: no secret before the key is pinned."""

import io
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from bulk.management.commands.bulk import Command
from bulk.models import SERVER_SECRET, ExchangeServer
from certificates.access import Actor
from certificates.models import Event, Node, Secret
from tests.bulk.commanding import printed, refused, refused_with, run
from tests.bulk.exchanging import Exchanging
from tests.bulk.transferring import exchange
from tests.test_urls import state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("BK-1")]


@pytest.fixture
def given(unsaved: Exchanging, settings: Settings, tmp_path: Path) -> list[str]:
    """Every option that the server needs, but its host key."""
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    (tmp_path / "id").write_text(unsaved.place.server.key)
    server = unsaved.place.server
    return [
        *("--host", "127.0.0.1", "--port", str(server.port), "--user", server.user),
        *("--directory", str(unsaved.place.directory), "--private-key-file", "id"),
    ]


@pytest.fixture
def own(transactional_db: None, node: Node, actor: Actor) -> Iterator[Exchanging]:
    """Saved against a server of its own, whose host key may be another one."""
    with exchange() as place:
        made = Exchanging(place, actor)
        made.save()
        yield made


def other_key(own: Exchanging) -> str:
    """The server is set up anew; the fingerprint that it shows."""
    server = own.place.server
    server.stop()
    server.make_key("host_key")
    server.start()
    return server.fingerprint


def test_an_unknown_host_key_is_shown_with_the_line_to_go_on_with(
    unsaved: Exchanging, given: list[str]
) -> None:
    said, told = refused_with("set", *given)
    fingerprint = unsaved.place.server.fingerprint
    assert told["fingerprint"] == fingerprint
    assert fingerprint in said
    assert not ExchangeServer.objects.current().is_set

    words = shlex.split(told["next"])
    assert words[:3] == ["./ccxsec", "bulk", "set"]
    saved = run(*words[2:], "--cluster-name", "North")

    server = ExchangeServer.objects.get()
    assert (server.port, server.user) == (unsaved.place.server.port, unsaved.place.server.user)
    assert saved["host_key"] == fingerprint
    assert saved["cluster_id"] == str(server.cluster_id)
    assert len(saved["checks"]) == 6
    assert all(line.startswith("pass") for line in saved["checks"])


def test_what_is_not_given_stays(exchanging: Exchanging) -> None:
    before = ExchangeServer.objects.get()

    run("set", "--cluster-name", "Nord")

    after = ExchangeServer.objects.get()
    assert after.cluster_name == "Nord"
    for name in ("host", "port", "user", "directory", "host_key", "cluster_id"):
        assert getattr(after, name) == getattr(before, name)


@pytest.mark.skipif(os.geteuid() != 0, reason="a password login needs a server run by root")
def test_a_password_comes_from_standard_input_and_goes_nowhere_else(
    unsaved: Exchanging, given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    password = unsaved.place.server.password
    words = ["set", *given[:-2], "--password-file", "-"]
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
    said, told = refused_with(*words)

    # It waits sealed: the line to go on with has no need of it.
    assert "--password-file" not in told["next"]
    answer, errors = printed(*shlex.split(told["next"])[2:])

    assert password not in said + str(told) + answer + errors
    assert "may sign in with the password" in answer
    assert password.encode() in (Secret.objects.plain(SERVER_SECRET) or b"")
    events = str(list(Event.objects.values()))
    assert password not in events


REFUSALS: dict[str, tuple[list[str], str]] = {
    "no server": (["set", "--user", "a", "--directory", "."], "No server is given"),
    "no user": (["set", "--host", "127.0.0.1"], "is no user to sign in as"),
    "no directory": (["set", "--host", "127.0.0.1", "--user", "a"], "No directory is given"),
    "port": (["set", "--host", "127.0.0.1", "--port", "65536"], "65536 is no port"),
    "address": (["set", "--host", "a b"], "a b"),
    "no secret": (
        ["set", "--host", "127.0.0.1", "--user", "a", "--directory", "."],
        "There is no password and no private key",
    ),
    "both secrets": (
        [*("set", "--host", "127.0.0.1", "--user", "a", "--directory", "."),
         *("--password-file", "word", "--private-key-file", "id")],
        "are both given",
    ),
    "no key": (
        [*("set", "--host", "127.0.0.1", "--user", "a", "--directory", "."),
         *("--private-key-file", "word")],
        "The private key can't be used",
    ),
    "empty secret": (["set", "--password-file", "empty"], "is empty"),
    "secret that is no text": (["set", "--password-file", "bytes"], "is no text"),
    "no file": (["set", "--password-file", "nothing"], "No such file"),
    "hostile name": (
        ["set", "--host", "127.0.0.1", "--user", "a", "--directory", ".",
         "--cluster-name", "a\x1b[31m\u202e"],
        "contains invisible characters",
    ),
    "check": (["check"], "No SFTP server is set yet"),
    "pin": (["pin", "--fingerprint", "SHA256:x"], "No SFTP server is set yet"),
    "keep": (["keep-host-key"], "has shown no other host key"),
    "export": (["export", "all"], "No SFTP server is set yet"),
    "consolidate": (["consolidate"], "No SFTP server is set yet"),
    "consolidate, tried out": (["consolidate", "--dry-run"], "No SFTP server is set yet"),
    "import": (["import"], "No SFTP server is set yet"),
    "read": (["read", "a.p12", "--store", "ipsec-trust"], "No SFTP server is set yet"),
    "look": (["show", "--look"], "No SFTP server is set yet"),
    "confirm": (["confirm", "South", "--fingerprint", "SHA256:x"], "No cluster 'South' was seen"),
    "forget": (["forget", "South"], "No cluster 'South' is confirmed here"),
    "hostile cluster": (["forget", "a\x1b[31m\u202e"], "is confirmed here"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "says"), [*REFUSALS.values()], ids=[*REFUSALS])
def test_what_is_refused_is_one_line_and_changes_nothing(
    unsaved: Exchanging, given: list[str], tmp_path: Path, words: list[str], says: str
) -> None:
    for name, content in (("empty", b""), ("word", b"word"), ("bytes", b"\xff\xfe\0\x80")):
        (tmp_path / name).write_bytes(content)
    before = state()

    said = refused(*words)

    assert says in said
    assert said.isprintable()
    assert (state(), unsaved.content()) == (before, {})


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["set", "--password", "word"],
        ["set", "--port", "ssh"],
        ["export"],
        ["export", "directory"],
        ["pin"],
        ["confirm", "South"],
        ["read", "a.p12"],
        ["read", "a.p12", "--store", "tomcat"],
        ["history", "--limit", "all"],
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    command = Command()
    command._called_from_command_line = True

    with pytest.raises(SystemExit) as ended:
        command.create_parser("manage.py", "bulk").parse_args(words)

    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.spec("BK-5")
def test_another_host_key_stops_everything_until_it_is_pinned(own: Exchanging) -> None:
    offered = other_key(own)
    assert offered in refused("check")
    assert run("show")["host_key_alarm"] == offered
    for words in (["export", "all"], ["consolidate"], ["import"], ["show", "--look"], ["check"]):
        assert "has shown another host key" in refused(*words)
    said, _ = printed("show")
    assert f"ANOTHER HOST KEY WAS SHOWN: {offered}" in said
    assert "./ccxsec bulk pin, or keep-host-key" in said
    assert "not SHA256:guessed" in refused("pin", "--fingerprint", "SHA256:guessed")

    assert run("pin", "--fingerprint", offered)["pinned"] == offered
    assert run("show")["host_key_alarm"] == ""
    assert run("check")["checks"]


@pytest.mark.spec("BK-5")
def test_the_pinned_host_key_can_be_kept(own: Exchanging) -> None:
    pinned = own.place.server.fingerprint
    other_key(own)
    refused("export", "tomcat")

    assert run("keep-host-key")["pinned"] == pinned
    assert run("show")["host_key_alarm"] == ""
    assert own.place.names == []
