"""Folders of more files than one process reads, and what reading many at once must not change."""

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from certificates.models import Certificate, Event, Node
from certificates.models.insertion import ROOM_KIB, room_for_indexes
from certificates.operations import read_many as module
from certificates.operations.read_many import BATCH, read_many
from certificates.x509.reading import Refused, Upload, read_upload
from tests.certificates.authority import Authority
from tests.certificates.crafting import craft, craft_ca, integer
from tests.certificates.test_commands import Run, run
from tests.query_plans import only_sqlite, plans_of

__all__ = ["run"]
CERTIFICATE = craft()


def told(upload: Upload | Refused) -> object:
    return upload.args if isinstance(upload, Refused) else upload


@pytest.mark.spec("CM-12", "CM-13")
def test_several_processes_read_as_one_does_and_in_the_order_of_the_files() -> None:
    kinds = [
        CERTIFICATE,
        craft_ca(),
        b"no certificate",
        b"",
        CERTIFICATE[:-1],
        craft(serial=b"\2\0"),
    ]
    files = [(f"{number}", kinds[number % len(kinds)]) for number in range(3 * BATCH + 1)]

    read = [one for batch in read_many(iter(files)) for one in batch]

    assert [name for name, _ in read] == [name for name, _ in files]
    alone = {data: told(_read(data)) for data in kinds}
    assert all(
        told(upload) == alone[data] for (_, upload), (_, data) in zip(read, files, strict=True)
    )


def _read(data: bytes) -> Upload | Refused:
    try:
        return read_upload(data)
    except Refused as refused:
        return refused


def test_few_files_need_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module, "ProcessPoolExecutor")

    assert [len(batch) for batch in read_many([("a", CERTIFICATE)] * BATCH)] == [BATCH]
    assert list(read_many([])) == []


def test_large_files_make_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 2 * len(CERTIFICATE))

    sizes = [len(batch) for batch in read_many([("a", CERTIFICATE)] * 5)]

    assert sizes == [2, 2, 1]


def test_files_are_taken_only_as_they_are_needed() -> None:
    taken: list[int] = []

    def files() -> Iterator[tuple[str, bytes]]:
        for number in range(100 * BATCH):
            taken.append(number)
            yield f"{number}", CERTIFICATE

    reading = read_many(files())
    next(reading)
    del reading

    assert len(taken) < 20 * BATCH


@pytest.mark.spec("CM-14")
def test_a_large_folder_is_added_once_whatever_stands_twice_in_it(
    run: Run, node: Node, ca: Authority, tmp_path: Path, settings: Settings
) -> None:
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    ders = [craft_ca(serial=integer(number)) for number in range(0x100, 0x100 + BATCH)]
    for number, der in enumerate([*ders, *ders, ca.root]):
        (tmp_path / f"{number:05}").write_bytes(der)
    total = f"{2 * BATCH + 1} files accepted, 0 refused; {BATCH + 1} certificates added."

    lines = run("cert", "import", "ipsec-trust", ".").splitlines()

    assert [line.split()[1] for line in lines[:-1]] == [f"{n:05}" for n in range(2 * BATCH + 1)]
    assert lines[-1] == total
    rows = Certificate.objects.trust()
    assert rows.count() == len({name.lower() for name in rows.values_list("file_name", flat=True)})
    events = Event.objects.filter(action="trust:add").values_list("object_id", flat=True)
    assert sorted(events) == sorted(str(pk) for pk in rows.values_list("pk", flat=True))


@only_sqlite
def test_no_look_into_a_store_reads_all_of_the_node(
    run: Run, node: Node, tmp_path: Path, settings: Settings
) -> None:
    """An import would take the square of its certificates."""
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    (tmp_path / "one").write_bytes(craft_ca(serial=integer(0x100)))
    of_stores = ('FROM "certificates_certificate"', " IN (")
    plans = plans_of(lambda: run("cert", "import", "ipsec-trust", "."), *of_stores)

    assert len(plans) >= 4, "the same certificate, the same name, the same file, the new keys"
    for plan in plans:
        assert "_once_per_store (" in plan or "by_subject (" in plan or "by_file_name (" in plan


@only_sqlite
def test_a_large_cache_is_given_back(node: Node) -> None:
    def cache() -> int:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA cache_size")
            return int(cursor.fetchone()[0])

    def fail() -> None:
        with room_for_indexes():
            assert cache() == -ROOM_KIB
            raise RuntimeError

    usual = cache()
    with pytest.raises(RuntimeError):
        fail()
    assert cache() == usual


def test_reading_in_threads_leaves_the_filters_of_warnings_as_they_were() -> None:
    odd = craft_ca(serial=integer(0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        with ThreadPoolExecutor(8) as threads:
            uploads = list(threads.map(read_upload, [odd, CERTIFICATE] * 200))

        assert warnings.filters == before
    assert {len(upload.warnings) for upload in uploads[::2]} == {len(uploads[0].warnings)}
