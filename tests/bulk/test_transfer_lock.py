"""The lock on the server: one holder, a number that never comes again, the server's clock."""

import os
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bulk.exchange.names import consolidated_name, lock_name
from bulk.transfer import Folder
from certificates.refusal import Refused
from tests.bulk.transferring import OURS, THEIRS, Exchange

pytestmark = pytest.mark.spec("BK-3", "BK-5")
QUARTER = timedelta(minutes=15)
ROUNDS = 12


@pytest.fixture
def ours(place: Exchange) -> Iterator[Folder]:
    with place.opened() as folder:
        yield folder


@pytest.fixture
def theirs(place: Exchange) -> Iterator[Folder]:
    with place.opened() as folder:
        yield folder


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def refused(folder: Folder) -> Refused:
    with pytest.raises(Refused) as refusal, folder.locked("West", THEIRS, lifetime=QUARTER):
        pass
    return refusal.value


def test_the_second_is_told_who_has_it_and_until_when(
    place: Exchange, ours: Folder, theirs: Folder
) -> None:
    with ours.locked("East", OURS, lifetime=QUARTER) as lock:
        before = (place.directory / lock_name(1)).read_bytes()
        refusal = refused(theirs)

        assert refusal.code == "sftp.locked"
        assert "East" in refusal.sentence
        assert "UTC" in refusal.sentence
        lock.check()
        assert place.names == [lock_name(1)]
        assert (place.directory / lock_name(1)).read_bytes() == before


def test_given_back_it_is_free_and_its_number_is_used_up(ours: Folder, theirs: Folder) -> None:
    with ours.locked("East", OURS, lifetime=QUARTER) as first:
        pass
    with theirs.locked("West", THEIRS, lifetime=QUARTER) as second:
        pass

    assert (first.number, second.number) == (1, 2)


def test_it_is_given_back_when_the_work_fails(ours: Folder, theirs: Folder) -> None:
    with pytest.raises(RuntimeError), ours.locked("East", OURS, lifetime=QUARTER):
        raise RuntimeError
    with theirs.locked("West", THEIRS, lifetime=QUARTER) as lock:
        assert lock.number == 2


def test_of_four_clients_at_once_one_wins_each_round(place: Exchange) -> None:
    numbers: list[list[int]] = [[] for _ in range(ROUNDS)]
    codes: list[str] = []
    begin, tried = threading.Barrier(4, timeout=120), threading.Barrier(4, timeout=120)

    def client(who: str) -> None:
        with place.opened() as folder:
            for number in range(ROUNDS):
                begin.wait()
                try:
                    with folder.locked(who, who, lifetime=QUARTER) as lock:
                        numbers[number].append(lock.number)
                        tried.wait()
                        lock.check()
                except Refused as refusal:
                    codes.append(refusal.code)
                    tried.wait()

    threads = [threading.Thread(target=client, args=(str(uuid.uuid4()),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(winners) for winners in numbers] == [1] * ROUNDS
    flat = [winners[0] for winners in numbers]
    assert flat == sorted(set(flat))
    assert codes == ["sftp.locked"] * (3 * ROUNDS)


def test_it_ends_by_the_servers_clock_and_its_holder_is_told(
    place: Exchange, ours: Folder, theirs: Folder
) -> None:
    with ours.locked("East", OURS, lifetime=QUARTER) as lock:
        age(place.directory / lock_name(1), 14 * 60)
        assert refused(theirs).code == "sftp.locked"
        age(place.directory / lock_name(1), 15 * 60 + 1)
        with theirs.locked("West", THEIRS, lifetime=QUARTER) as taken:
            assert taken.number == 2
            for way in (lock.check, lock.renew):
                with pytest.raises(Refused) as refusal:
                    way()
                assert refusal.value.code == "sftp.lock-lost"
            taken.check()


def test_renewed_it_lives_for_another_lifetime(
    place: Exchange, ours: Folder, theirs: Folder
) -> None:
    file = place.directory / lock_name(1)
    with ours.locked("East", OURS, lifetime=QUARTER) as lock:
        before = file.read_bytes()
        age(file, 14 * 60)
        lock.renew()

        assert time.time() - file.stat().st_mtime < 13 * 60
        assert file.read_bytes() == before
        assert refused(theirs).code == "sftp.locked"


def test_it_is_not_renewed_after_its_end(ours: Folder) -> None:
    """Somebody may have judged it as ended just now, and be about to take over."""
    with ours.locked("East", OURS, lifetime=QUARTER) as lock:
        lock._since -= QUARTER
        with pytest.raises(Refused) as refusal:
            lock.renew()

    assert refusal.value.code == "sftp.lock-lost"


def test_a_lock_that_somebody_removed_is_lost(place: Exchange, ours: Folder) -> None:
    with ours.locked("East", OURS, lifetime=QUARTER) as lock:
        (place.directory / lock_name(1)).unlink()
        for way in (lock.check, lock.renew):
            with pytest.raises(Refused) as refusal:
                way()
            assert refusal.value.code == "sftp.lock-lost"


def test_what_a_dead_run_left_is_taken_over_by_its_own_cluster(place: Exchange) -> None:
    with place.opened() as dead:
        lock = dead.locked("East", OURS, lifetime=QUARTER)
        lock.__enter__()
        with place.opened() as folder, folder.locked("East", OURS, lifetime=QUARTER) as next_one:
            assert next_one.number == 2


def test_its_number_is_above_every_consolidated_file(place: Exchange, ours: Folder) -> None:
    (place.directory / consolidated_name(41)).write_bytes(b"x")
    with ours.locked("East", OURS, lifetime=QUARTER) as lock:
        assert lock.number == 42


def test_old_numbers_are_removed_and_recent_ones_stay(ours: Folder, place: Exchange) -> None:
    for _ in range(13):
        with ours.locked("East", OURS, lifetime=QUARTER):
            pass

    assert place.names == [lock_name(number) for number in range(3, 14)]


@pytest.mark.parametrize(
    ("content", "owner"),
    [
        (b"", "Somebody whose lock can't be read"),
        (b"\xff\xfe", "Somebody whose lock can't be read"),
        (b"[" * 4000, "Somebody whose lock can't be read"),
        (b'{"owner": "x", "cluster_id": "y", "lifetime": Infinity}', "Somebody whose lock"),
        (b'{"owner": "x", "cluster_id": "y", "lifetime": NaN}', "Somebody whose lock"),
        (b'{"owner": "East", "cluster_id": [], "lifetime": 1e300}', "East"),
        ('{"owner": "\u202eEast\\n", "cluster_id": "y", "lifetime": 900}'.encode(), "{202e}East"),
        (b'{"owner": "", "cluster_id": "y", "lifetime": 900}', "A cluster without a name"),
    ],
    ids=["empty", "no-text", "deep", "infinite", "no-number", "ages", "bidirectional", "nameless"],
)
def test_what_another_wrote_is_believed_no_further_than_a_day(
    place: Exchange, ours: Folder, content: bytes, owner: str
) -> None:
    file = place.directory / lock_name(7)
    file.write_bytes(content)
    refusal = refused(ours)
    assert refusal.code == "sftp.locked"
    assert owner in refusal.sentence

    age(file, 86_401)
    with ours.locked("East", OURS, lifetime=QUARTER) as lock:
        assert lock.number == 8


def test_a_clock_that_was_set_back_makes_no_lock_eternal(place: Exchange, ours: Folder) -> None:
    file = place.directory / lock_name(7)
    file.write_bytes(b'{"owner": "West", "cluster_id": "y", "lifetime": 900}')
    age(file, -86_400 * 365)
    with ours.locked("East", OURS, lifetime=QUARTER) as lock:
        assert lock.number == 8
