"""Whatever the directory holds, and servers that lack what OpenSSH has."""

import io
import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bulk.exchange.names import lock_name, part_name
from bulk.transfer import Folder
from bulk.transfer.listing import MOST_ENTRIES
from certificates.refusal import Refused
from tests.bulk.transferring import NAME, OURS, PART, THEIRS, Exchange, exchange

pytestmark = pytest.mark.spec("BK-5")
BYTES = random.Random(4).randbytes(2_000_000)


def refused(work: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as refusal:
        work()
    return refusal.value


def test_names_that_are_no_text(place: Exchange, folder: Folder) -> None:
    for name in (b"\xff\xfe", b"line\nbreak", "\u202eevil".encode(), "größe".encode()):
        Path(os.fsdecode(bytes(place.directory) + b"/" + name)).write_bytes(b"x")

    found = sorted(one.name for one in folder.entries())

    assert found == sorted([r"\xff\xfe", r"line\u{a}break", r"\u{202e}evil", "größe"])


def test_too_many_entries_are_refused(place: Exchange, folder: Folder) -> None:
    for number in range(MOST_ENTRIES):
        os.close(os.open(place.directory / f"{number}", os.O_CREAT, 0o644))
    assert len(folder.entries()) == MOST_ENTRIES
    (place.directory / "one-more").touch()
    refusal = refused(folder.entries)

    assert refusal.code == "sftp.crowded"
    assert "20,000" in refusal.sentence
    folder.check_writable()  # the connection goes on


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "pipe"])
def test_nothing_but_a_regular_file_is_read(place: Exchange, folder: Folder, kind: str) -> None:
    path, secret = place.directory / NAME, place.server.base / "client_key"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(secret if kind == "link" else "nowhere")
    target = io.BytesIO()
    refusal = refused(lambda: folder.read(NAME, target, most=10_000))

    assert refusal.code == "sftp.no-file"
    assert target.getvalue() == b""


def test_a_link_takes_a_name_like_a_file(place: Exchange, folder: Folder) -> None:
    victim = place.server.home / "victim"
    (place.directory / NAME).symlink_to(victim)
    (place.directory / PART).symlink_to(victim)

    assert refused(lambda: folder.publish(NAME, io.BytesIO(b"x"), part=PART)).code == "sftp.taken"
    other = NAME.replace("000001", "000002")
    assert refused(lambda: folder.publish(other, io.BytesIO(b"x"), part=PART)).code == "sftp.failed"
    assert not victim.exists()
    assert place.names == sorted([NAME, PART])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda path: path.write_bytes(BYTES + b"more"), "sftp.changed"),
        (lambda path: os.truncate(path, 10), "sftp.changed"),
        (lambda path: os.utime(path, (1, 1)), "sftp.changed"),
    ],
    ids=["grows", "shrinks", "rewritten"],
)
def test_a_file_that_changes_while_it_is_read(
    place: Exchange, folder: Folder, change: Callable[[Path], object], code: str
) -> None:
    path = place.directory / NAME
    path.write_bytes(BYTES)
    changed: list[object] = []

    def progress(done: int, total: int) -> None:
        if not changed:
            changed.append(change(path))

    refusal = refused(lambda: folder.read(NAME, io.BytesIO(), most=10**7, progress=progress))

    assert refusal.code == code
    assert NAME in refusal.sentence


def test_a_file_that_is_too_large_is_not_begun(place: Exchange, folder: Folder) -> None:
    (place.directory / NAME).write_bytes(BYTES)
    target = io.BytesIO()
    refusal = refused(lambda: folder.read(NAME, target, most=len(BYTES) - 1))

    assert refusal.code == "sftp.large"
    assert target.getvalue() == b""
    assert folder.read(NAME, target, most=len(BYTES)) == len(BYTES)


def test_refusals_leave_no_file_open_on_the_server(place: Exchange, folder: Folder) -> None:
    """OpenSSH ends a session's files at about a thousand."""
    (place.directory / NAME).write_bytes(BYTES)
    for _ in range(1100):
        assert refused(lambda: folder.read(NAME, io.BytesIO(), most=1)).code == "sftp.large"
    folder.check_writable()


LACKS = "posix-rename,statvfs,fstatvfs,hardlink,fsync,lsetstat,limits,expand-path,copy-data"


@pytest.mark.parametrize("lacks", [LACKS, f"{LACKS},setstat,fsetstat,symlink,realpath,mkdir"])
def test_a_server_without_extensions(lacks: str) -> None:
    with exchange(extra=f"Match all\n  ForceCommand internal-sftp -P {lacks}") as place:
        with place.opened() as folder:
            assert folder.free_space() is None
            folder.check_writable()
            folder.publish(NAME, io.BytesIO(BYTES), part=PART)
            target = io.BytesIO()
            folder.read(NAME, target, most=len(BYTES))
            quarter = timedelta(minutes=15)
            with folder.locked("East", OURS, lifetime=quarter) as lock:
                lock.renew()
                assert (
                    refused(folder.locked("West", THEIRS, lifetime=quarter).__enter__).code
                    == "sftp.locked"
                )
            (place.directory / part_name(OURS, "a" * 16)).write_bytes(b"x")
            assert folder.sweep(OURS, quarter) == [part_name(OURS, "a" * 16)]

        assert target.getvalue() == BYTES
        assert place.names == sorted([NAME, lock_name(1)])
