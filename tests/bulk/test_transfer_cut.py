"""A line that is cut at any byte: a sentence, nothing half-written, and a clean restart."""

import io
import random
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bulk.transfer import Folder
from certificates.refusal import Refused
from tests.bulk.line import Break, How, Line, line_to
from tests.bulk.transferring import NAME, OURS, PART, Exchange, exchange

pytestmark = pytest.mark.spec("BK-5")
BYTES = random.Random(5).randbytes(1_000_000)
OTHER = NAME.replace("000001", "000002")
# In the key exchange, the login (1,100 to 1,400 bytes up) and the beginning of SFTP, and then
# anywhere in what one upload sends each way.
EARLY = [1, 20, 600, 1150, 1250, 1350, 1450, 1550, 1700, 2200, 2600, 3000]
CHANCE = random.Random(11)
OFFSETS = {
    way: EARLY + sorted(CHANCE.randrange(3000, 1_060_000) for _ in range(18))
    for way in ("up", "down")
}
CUTS = [
    pytest.param(way, offset, how, id=f"{way}-{offset}-{how}")
    for way, offsets in OFFSETS.items()
    for number, offset in enumerate(offsets)
    for how in (How.RESET, How.CLOSE)[number % 2 :][:1]
]


@pytest.fixture(scope="module")
def server() -> Iterator[Exchange]:
    with exchange() as place:
        yield place


@pytest.fixture
def place(server: Exchange) -> Exchange:
    server.empty()
    return server


def up(folder: Folder) -> None:
    folder.publish(NAME, io.BytesIO(BYTES), part=PART)


def until_it_is_cut(place: Exchange, line: Line) -> None:
    """The way back is long enough only after the reading back."""
    with place.opened(line.port) as folder:
        while True:
            up(folder)
            folder.remove(NAME)


@pytest.mark.parametrize(("way", "offset", "how"), CUTS)
def test_cut_at_any_byte_of_an_upload(place: Exchange, way: str, offset: int, how: How) -> None:
    with line_to(place.server.port, fault=Break(offset, way, how)) as line:
        with pytest.raises(Refused) as refusal:
            until_it_is_cut(place, line)
        assert line.broken.is_set()

    assert refusal.value.code in {"sftp.unreachable", "sftp.cut"}
    assert "127.0.0.1" in refusal.value.sentence
    for path in place.directory.iterdir():
        assert path.name in {NAME, PART}
        assert path.name == PART or path.read_bytes() == BYTES
    with place.opened() as folder:  # and from the beginning
        folder.remove(NAME)
        folder.sweep(OURS, timedelta(days=1))
        assert folder.entries() == []
        up(folder)
    assert (place.directory / NAME).read_bytes() == BYTES


@pytest.mark.parametrize("how", [How.RESET, How.CLOSE], ids=str)
@pytest.mark.parametrize("offset", [3000, 30_000, 600_000])
def test_cut_in_a_download(place: Exchange, offset: int, how: How) -> None:
    (place.directory / NAME).write_bytes(BYTES)
    target, fault = io.BytesIO(), Break(offset, "down", how)
    with (
        line_to(place.server.port, fault=fault) as line,
        pytest.raises(Refused) as refusal,
        place.opened(line.port) as folder,
    ):
        folder.read(NAME, target, most=len(BYTES))

    assert refusal.value.code == "sftp.cut"
    assert BYTES.startswith(target.getvalue())
    assert (place.directory / NAME).read_bytes() == BYTES


def test_the_sentence_says_what_was_done_and_what_is_left(place: Exchange) -> None:
    with (
        line_to(place.server.port) as line,
        pytest.raises(Refused) as refusal,
        place.opened(line.port) as folder,
    ):
        folder.publish(NAME, io.BytesIO(BYTES), part=PART, progress=lambda *_: line.cut())

    assert f"was cut while writing {NAME}" in refusal.value.sentence
    assert "Nothing was published" in refusal.value.sentence
    assert place.names == [PART]


def test_cut_while_the_lock_is_held(place: Exchange) -> None:
    quarter = timedelta(minutes=15)
    with (
        line_to(place.server.port) as line,
        place.opened(line.port) as folder,
        folder.locked("East", OURS, lifetime=quarter) as lock,
    ):
        line.cut(How.CLOSE)
        line.broken.wait(10)
        with pytest.raises(Refused) as refusal:
            lock.renew()

    assert refusal.value.code == "sftp.cut"


def test_a_server_that_is_killed(place: Exchange) -> None:
    killed = threading.Event()

    def kill(done: int, total: int) -> None:
        if not killed.is_set():
            killed.set()
            place.server.stop()

    try:
        with pytest.raises(Refused) as refusal, place.opened() as folder:
            folder.publish(NAME, io.BytesIO(BYTES), part=PART, progress=kill)
    finally:
        place.server.start()

    assert refusal.value.code == "sftp.cut"
    assert place.names == [PART]
    with place.opened() as folder:
        assert folder.sweep(OURS, timedelta(days=1)) == [PART]
        up(folder)
    assert (place.directory / NAME).read_bytes() == BYTES


def test_nobody_listens(place: Exchange) -> None:
    place.server.stop()
    try:
        with pytest.raises(Refused) as refusal, place.opened():
            pass
    finally:
        place.server.start()

    assert refusal.value.code == "sftp.unreachable"
    assert "refused" in refusal.value.sentence
