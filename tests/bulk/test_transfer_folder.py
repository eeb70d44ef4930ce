"""The exchange's directory on a real OpenSSH server, when all goes well."""

import io
import os
import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bulk.exchange.names import part_name
from bulk.transfer import Folder, opened
from certificates.refusal import Refused
from tests.bulk.transferring import NAME, OURS, PART, THEIRS, Exchange, never

pytestmark = pytest.mark.spec("BK-5")
BYTES = random.Random(7).randbytes(3_000_000)


def read(folder: Folder, name: str, most: int = 10_000_000) -> bytes:
    target = io.BytesIO()
    assert folder.read(name, target, most=most) == len(target.getvalue())
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, 4096, 32_640, 300_000, len(BYTES)])
def test_what_is_published_is_read_again(folder: Folder, place: Exchange, size: int) -> None:
    folder.publish(NAME, io.BytesIO(BYTES[:size]), part=PART)

    assert (place.directory / NAME).read_bytes() == BYTES[:size]
    assert read(folder, NAME) == BYTES[:size]
    assert place.names == [NAME]


def test_progress_counts_what_the_server_answered_for(folder: Folder) -> None:
    up: list[tuple[int, int]] = []
    down: list[tuple[int, int]] = []
    folder.publish(NAME, io.BytesIO(BYTES), part=PART, progress=lambda *told: up.append(told))
    folder.read(NAME, io.BytesIO(), most=len(BYTES), progress=lambda *told: down.append(told))

    assert up == sorted(up)
    assert up[-1] == (2 * len(BYTES), 2 * len(BYTES))  # written, and read back
    assert down == sorted(down)
    assert down[-1] == (len(BYTES), len(BYTES))


@pytest.mark.skipif(os.geteuid() != 0, reason="a password needs a user that root makes")
def test_a_password_signs_in(place: Exchange) -> None:
    target = replace(place.target, private_key="", password=place.server.password)
    with opened(target, str(place.directory), stop=never) as folder:
        folder.check_writable()


def test_a_directory_below_where_the_user_begins(place: Exchange) -> None:
    with place.opened(directory="exchange") as folder:
        folder.publish(NAME, io.BytesIO(b"x"), part=PART)

    assert place.names == [NAME]


def test_what_is_there(folder: Folder, place: Exchange) -> None:
    (place.directory / "file").write_bytes(b"12345")
    os.utime(place.directory / "file", (1_700_000_000, 1_700_000_000))
    (place.directory / "folder").mkdir()
    (place.directory / "link").symlink_to("file")

    found = {one.name: one for one in folder.entries()}

    assert sorted(found) == ["file", "folder", "link"]
    assert found["file"].size == 5
    assert found["file"].modified_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert [name for name, one in found.items() if one.is_file] == ["file"]


def test_the_free_space_is_that_of_the_disk(folder: Folder, place: Exchange) -> None:
    there = os.statvfs(place.directory)
    free = folder.free_space()
    assert free is not None
    assert abs(free - there.f_frsize * there.f_bavail) < 1_000_000_000


def test_a_probe_leaves_nothing_and_tells_the_time(folder: Folder, place: Exchange) -> None:
    folder.check_writable()
    before = datetime.fromtimestamp(int(time.time()), UTC)
    now = folder.now()

    assert before <= now <= datetime.now(UTC)
    assert place.names == []


def test_a_name_that_is_taken_stays_what_it_is(folder: Folder, place: Exchange) -> None:
    (place.directory / NAME).write_bytes(b"theirs")
    with pytest.raises(Refused) as refusal:
        folder.publish(NAME, io.BytesIO(BYTES), part=PART)

    assert refusal.value.code == "sftp.taken"
    assert (place.directory / NAME).read_bytes() == b"theirs"
    assert place.names == [NAME]


def test_a_name_that_is_taken_meanwhile_stays_what_it_is(folder: Folder, place: Exchange) -> None:
    def somebody_is_quicker(done: int, total: int) -> None:
        (place.directory / NAME).write_bytes(b"theirs")

    with pytest.raises(Refused) as refusal:
        folder.publish(NAME, io.BytesIO(BYTES), part=PART, progress=somebody_is_quicker)

    assert refusal.value.code == "sftp.taken"
    assert (place.directory / NAME).read_bytes() == b"theirs"
    assert place.names == [NAME]


def test_removing_twice_is_removing_once(folder: Folder, place: Exchange) -> None:
    (place.directory / NAME).write_bytes(b"x")
    folder.remove(NAME)
    folder.remove(NAME)

    assert place.names == []


def test_leftovers_are_swept_and_nothing_else(folder: Folder, place: Exchange) -> None:
    old = time.time() - 7200
    own, fresh, dead = (
        part_name(OURS, "a" * 16),
        part_name(THEIRS, "b" * 16),
        part_name(THEIRS, "c" * 16),
    )
    others = [NAME, ".ccxsec.lock.000001", "notes.txt", f"{dead}.bak", part_name(OURS, "d" * 16)]
    for name in (own, fresh, dead, *others[:-1]):
        (place.directory / name).write_bytes(b"x")
    (place.directory / others[-1]).symlink_to("notes.txt")
    for name in (dead, *others[:-1]):
        os.utime(place.directory / name, (old, old))

    removed = folder.sweep(OURS, timedelta(hours=1))

    assert sorted(removed) == sorted([own, dead])
    assert place.names == sorted([fresh, *others])


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\nb", "a\x00b"])
def test_only_a_name_is_a_name(folder: Folder, name: str) -> None:
    with pytest.raises(Refused) as refusal:
        folder.read(name, io.BytesIO(), most=1000)

    assert refusal.value.code == "sftp.name"


def test_after_a_failure_on_this_side_the_folder_is_of_use(folder: Folder) -> None:
    folder.publish(NAME, io.BytesIO(BYTES), part=PART)

    def fails(done: int, total: int) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        folder.read(NAME, io.BytesIO(), most=len(BYTES), progress=fails)
    assert read(folder, NAME) == BYTES


def test_a_full_disk_of_this_server_is_told_as_such(folder: Folder) -> None:
    folder.publish(NAME, io.BytesIO(BYTES), part=PART)
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(Refused) as refusal:
        folder.read(NAME, full, most=len(BYTES))  # type: ignore[arg-type] # a raw file is enough

    assert refusal.value.code == "sftp.here"
    assert "No space left" in refusal.value.sentence
