"""What an OpenSSH server refuses, each with its own sentence, and nothing half-written."""

import io
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bulk.transfer import HostKeyChanged, opened
from bulk.transfer.pipeline import LineError, Session
from bulk.transfer.wire import WireError
from certificates.reach.ssh import Target
from certificates.refusal import Refused
from tests.bulk.small_disk import MIB, fill, small_disk
from tests.bulk.transferring import NAME, OURS, PART, Exchange, exchange, never, wait_for

pytestmark = pytest.mark.spec("BK-5")
BYTES = random.Random(3).randbytes(3_000_000)


@pytest.fixture(scope="module")
def server() -> Iterator[Exchange]:
    with exchange() as place:
        yield place


@pytest.fixture
def place(server: Exchange) -> Iterator[Exchange]:
    yield server
    shutil.rmtree(server.directory, ignore_errors=True)
    server.directory.mkdir(exist_ok=True)
    server.give(server.directory)


@pytest.fixture
def disk(place: Exchange) -> Iterator[Path]:
    user = place.server.user if os.geteuid() == 0 else ""
    with small_disk(place.directory, size=2 * MIB, user=user) as folder:
        yield folder


def test_a_full_disk_keeps_nothing(place: Exchange, disk: Path) -> None:
    with place.opened() as folder:
        with pytest.raises(Refused) as refusal:
            folder.publish(NAME, io.BytesIO(BYTES), part=PART)
        assert place.names == []
        folder.publish(NAME, io.BytesIO(BYTES[:MIB]), part=PART)  # on the same connection

    assert refusal.value.code == "sftp.full"
    assert "Nothing was published" in refusal.value.sentence
    assert (disk / NAME).read_bytes() == BYTES[:MIB]


def test_a_full_disk_refuses_the_probe_and_the_lock(place: Exchange, disk: Path) -> None:
    with place.opened() as folder:
        filler = fill(disk)
        with pytest.raises(Refused) as probe:
            folder.check_writable()
        with pytest.raises(Refused) as lock:
            folder.locked("East", OURS, lifetime=timedelta(minutes=15)).__enter__()

    assert (probe.value.code, lock.value.code) == ("sftp.full", "sftp.full")
    assert place.names == [filler.name]


@pytest.mark.parametrize("leave", [100_000, 500_000, 1_000_000])
def test_full_and_then_freed_publishes_the_right_bytes_or_none(
    place: Exchange, disk: Path, leave: int
) -> None:
    """A client that looks at the size only publishes wrong ones: the size is right."""
    filler, part = fill(disk, leave=leave), disk / PART
    data, code = BYTES[: 3 * MIB // 2], ""

    def free_when_full(done: int, total: int) -> None:
        if part.exists() and part.stat().st_size >= leave - 40_000:
            filler.unlink(missing_ok=True)

    try:
        with place.opened() as folder:
            folder.publish(NAME, io.BytesIO(data), part=PART, progress=free_when_full)
    except Refused as refusal:
        code = refusal.code

    if code:
        assert code in {"sftp.full", "sftp.failed"}
        assert place.names == []
    else:
        assert (disk / NAME).read_bytes() == data


@pytest.mark.parametrize(
    ("mode", "code"), [(0o555, "sftp.folder-denied"), (0o333, ""), (0o000, "sftp.folder-denied")]
)
def test_a_probe_where_one_may_not_write(place: Exchange, mode: int, code: str) -> None:
    place.directory.chmod(mode)
    with place.opened() as folder:
        if not code:
            folder.check_writable()
            return
        with pytest.raises(Refused) as refusal:
            folder.check_writable()

    assert refusal.value.code == code
    assert str(place.directory) in refusal.value.sentence


def test_rights_that_are_missing(place: Exchange) -> None:
    secret = place.directory / NAME
    secret.write_bytes(b"x")
    place.give(secret).chmod(0)
    with place.opened() as folder:
        with pytest.raises(Refused) as reading:
            folder.read(NAME, io.BytesIO(), most=10)
        place.directory.chmod(0o555)
        with pytest.raises(Refused) as writing:
            folder.publish(NAME.replace("1", "2"), io.BytesIO(BYTES), part=PART)
        with pytest.raises(Refused) as removing:
            folder.remove(NAME)
        place.directory.chmod(0o333)
        with pytest.raises(Refused) as listing:
            folder.entries()

    assert {reading.value.code, writing.value.code, removing.value.code} == {"sftp.denied"}
    assert listing.value.code == "sftp.folder-denied"


@pytest.mark.parametrize("what", ["missing", "file", "below-file"])
def test_a_directory_that_is_not_there(place: Exchange, what: str) -> None:
    (place.directory / "file").write_bytes(b"x")
    path = {"missing": "nowhere", "file": "file", "below-file": "file/folder"}[what]
    with pytest.raises(Refused) as refusal, place.opened(directory=f"{place.directory}/{path}"):
        pass

    assert refusal.value.code == "sftp.folder-missing"
    assert path in refusal.value.sentence


def test_a_directory_that_vanishes(place: Exchange) -> None:
    def vanish(done: int, total: int) -> None:
        shutil.rmtree(place.directory, ignore_errors=True)

    with place.opened() as folder:
        with pytest.raises(Refused) as renaming:
            folder.publish(NAME, io.BytesIO(BYTES), part=PART, progress=vanish)
        refusals = [renaming]
        for way in (
            folder.entries,
            folder.check_writable,
            lambda: folder.remove(NAME),
            lambda: folder.publish(NAME, io.BytesIO(b"x"), part=PART),
            lambda: folder.read(NAME, io.BytesIO(), most=10),
            lambda: folder.locked("East", OURS, lifetime=timedelta(minutes=1)).__enter__(),
        ):
            with pytest.raises(Refused) as refusal:
                way()
            refusals.append(refusal)

    assert {one.value.code for one in refusals} == {"sftp.gone"}
    assert all(str(place.directory) in one.value.sentence for one in refusals)


def test_a_file_that_is_gone(place: Exchange) -> None:
    with place.opened() as folder, pytest.raises(Refused) as refusal:
        folder.read(NAME, io.BytesIO(), most=10)

    assert refusal.value.code == "sftp.gone"
    assert NAME in refusal.value.sentence


@pytest.mark.parametrize("wrong", ["password", "key", "user"])
def test_a_login_that_is_refused(place: Exchange, wrong: str) -> None:
    place.server.make_key("another_key")
    another = (place.server.base / "another_key").read_text()
    target = {
        "password": replace(place.target, private_key="", password="not-the-password"),
        "key": replace(place.target, private_key=another),
        "user": replace(place.target, user="nobody-of-this-name"),
    }[wrong]
    with pytest.raises(Refused) as refusal, opened(target, "", stop=never):
        pass

    assert refusal.value.code == "sftp.login"
    assert target.user in refusal.value.sentence
    assert "not-the-password" not in str(refusal.value)


def test_an_address_that_nobody_may_ask_for() -> None:
    target = Target("169.254.169.254", 22, "root", "ssh-ed25519 AAAA", password="secret")
    with pytest.raises(Refused) as refusal, opened(target, "", stop=never):
        pass

    assert refusal.value.code == "sftp.forbidden"


def test_a_shell_that_prints_instead_of_sftp() -> None:
    extra = "Match all\n  ForceCommand echo This account is closed"
    with exchange(extra=extra) as place, pytest.raises(Refused) as refusal, place.opened():
        pass

    assert refusal.value.code == "sftp.failed"
    assert "does not keep to SFTP" in refusal.value.sentence


def test_what_was_printed_before_the_line_was_cut_is_told() -> None:
    """The account's shell has ended before our first packet is sent."""

    class Ended:
        in_buffer = in_stderr_buffer = b""
        said = b"This account is closed\n"

        def sendall(self, _: bytes) -> None:
            raise OSError("Socket is closed")

        def recv_ready(self) -> bool:
            return bool(self.said)

        def recv(self, most: int) -> bytes:
            data, self.said = self.said, b""
            return data

    guardian: Any = SimpleNamespace(
        watch_flood=lambda _: None, waits=lambda: None, heard=lambda: None
    )
    channel: Any = Ended()
    with pytest.raises(WireError, match="announces a packet of"):
        Session(channel, guardian)

    channel = Ended()
    channel.said = b""
    with pytest.raises(LineError, match="Socket is closed"):
        Session(channel, guardian)


def test_another_host_key_hears_no_login() -> None:
    with exchange() as place:
        target = replace(place.target, private_key="", password=place.server.password)
        place.server.stop()
        place.server.make_key("host_key")
        (place.server.base / "log").write_text("")
        place.server.start()
        with pytest.raises(HostKeyChanged) as refusal, opened(target, "", stop=never):
            pass
        wait_for(lambda: "closed" in place.server.log or "reset" in place.server.log)

        assert refusal.value.code == "sftp.host-key-changed"
        assert refusal.value.offered == place.server.fingerprint
        assert place.server.fingerprint in refusal.value.sentence
        for word in ("Accepted", "Failed", "userauth", place.server.user):
            assert word not in place.server.log
