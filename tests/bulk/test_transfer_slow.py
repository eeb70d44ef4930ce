"""A line that is silent or slow, an operator who cancels, time that is up: it always ends."""

import io
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bulk.transfer import Cancelled, opened
from certificates.refusal import Refused
from tests.bulk.line import Break, How, Line, line_to
from tests.bulk.transferring import NAME, PART, Exchange, exchange, never, wait_for

pytestmark = pytest.mark.spec("BK-5")
BYTES = random.Random(9).randbytes(400_000)
# From the first byte, through key exchange, login and the beginning of SFTP, to the transfer.
SILENT_AFTER = [
    *(("up", offset) for offset in (1, 30, 700, 1500, 1900, 2300, 2500, 2700, 3000, 200_000)),
    *(("down", offset) for offset in (1, 30, 700, 1500, 1900, 2300, 2500, 2700, 3000, 200_000)),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Exchange]:
    with exchange() as place:
        yield place


@pytest.fixture
def place(server: Exchange) -> Exchange:
    server.empty()
    return server


def publish(place: Exchange, line: Line, **options: float) -> None:
    with place.opened(line.port, **options) as folder:  # type: ignore[arg-type] # two of them
        folder.publish(NAME, io.BytesIO(BYTES), part=PART)


@pytest.mark.parametrize(("way", "offset"), SILENT_AFTER)
def test_silent_after_any_byte(place: Exchange, way: str, offset: int) -> None:
    fault = Break(offset, way, How.SILENT)
    with line_to(place.server.port, fault=fault) as line, pytest.raises(Refused) as refusal:
        publish(place, line, patience=1)

    assert refusal.value.code in {"sftp.unreachable", "sftp.silent"}
    assert set(place.names) <= {PART}


def test_a_server_that_takes_connections_and_says_nothing(place: Exchange) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        target = replace(place.target, port=mute.getsockname()[1])
        with pytest.raises(Refused) as refusal, opened(target, "", stop=never, patience=1):
            pass

    assert refusal.value.code == "sftp.unreachable"


def test_the_sentence_of_a_silent_server(place: Exchange) -> None:
    with line_to(place.server.port) as line, place.opened(line.port, patience=3) as folder:
        line.cut(How.SILENT)
        with pytest.raises(Refused) as refusal:
            folder.publish(NAME, io.BytesIO(BYTES), part=PART)

    assert refusal.value.code == "sftp.silent"
    assert "gave no answer for 3 seconds" in refusal.value.sentence


def test_work_on_this_side_is_not_the_servers_silence(place: Exchange) -> None:
    with place.opened(patience=2) as folder:
        threading.Event().wait(2.5)  # such as packing an archive
        folder.check_writable()


def test_a_slow_line_shows_progress_and_is_cancelled(place: Exchange) -> None:
    """At 1 kB/s a write of 32 KiB is answered after half a minute: it begins with small ones."""
    stopped, ended = threading.Event(), threading.Event()
    told: list[int] = []

    def work(line: Line) -> None:
        def progress(done: int, total: int) -> None:
            told.append(done)

        try:
            with place.opened(line.port, stop=stopped.is_set) as folder:
                line.rate = 1000
                folder.publish(NAME, io.BytesIO(BYTES), part=PART, progress=progress)
        except Cancelled:
            ended.set()

    with line_to(place.server.port, rate=20_000) as line:
        thread = threading.Thread(target=work, args=(line,))
        thread.start()
        wait_for(lambda: len(told) >= 2)
        stopped.set()
        wait_for(ended.is_set, 30)
        thread.join()

    assert all(done <= 64 * 1024 for done in told)
    assert place.names == [PART]


def test_a_slow_download_shows_progress_and_is_cancelled(place: Exchange) -> None:
    (place.directory / NAME).write_bytes(BYTES)
    told: list[int] = []

    def read(line: Line) -> None:
        with place.opened(line.port, stop=lambda: len(told) >= 2) as folder:
            line.rate = 2000
            folder.read(NAME, io.BytesIO(), most=10**6, progress=lambda *now: told.append(now[0]))

    with line_to(place.server.port, rate=20_000) as line, pytest.raises(Cancelled):
        read(line)

    assert 2 <= len(told) < 10


def test_cancelled_before_it_begins(place: Exchange) -> None:
    with line_to(place.server.port, rate=200) as line, pytest.raises(Cancelled):
        place.opened(line.port, stop=lambda: True).__enter__()

    assert place.names == []


def test_time_that_is_up(place: Exchange) -> None:
    with line_to(place.server.port, rate=20_000) as line, pytest.raises(Refused) as refusal:
        publish(place, line, limit=4)

    assert refusal.value.code == "sftp.time"
    assert "4 seconds" in refusal.value.sentence
    assert set(place.names) <= {PART}


def test_a_question_that_fails_ends_the_connection(place: Exchange) -> None:
    asked = time.monotonic()

    def stop() -> bool:
        if time.monotonic() - asked > 1:
            raise RuntimeError("the database is gone")
        return False

    with line_to(place.server.port, rate=20_000) as line:
        opening = place.opened(line.port, stop=stop)
        with pytest.raises(RuntimeError, match="the database is gone"), opening as folder:
            folder.publish(NAME, io.BytesIO(BYTES), part=PART)
