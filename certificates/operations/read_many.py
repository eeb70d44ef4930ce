"""Many files read by several processes: reading strictly costs as much as writing the rows."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from multiprocessing import current_process, get_context
from signal import SIG_IGN, SIGINT, signal

from certificates.refusal import Refused
from certificates.x509.reading import NamedFile, NamedUpload, read_each

BATCH = 500  # files that are read, and then written, together
BATCH_BYTES = 32 * 1024 * 1024  # of them: memory is bounded by a few batches


def read_many(files: Iterable[NamedFile]) -> Iterator[list[NamedUpload]]:
    """The files in their order, in batches; a refused one has its reason.

    A few files are read here, more of them by as many processes as there are cores, while this
    one goes on with what was read.

    Args:
        files: name and content of each; taken as they are needed.
    """
    batches = _batches(files)
    first, second = next(batches, []), next(batches, [])
    if second and not current_process().daemon:
        yield from _by_processes(first, chain([second], batches))
    else:
        yield from map(read_each, chain(filter(None, (first, second)), batches))


def _by_processes(
    first: list[NamedFile], batches: Iterator[list[NamedFile]]
) -> Iterator[list[NamedUpload]]:
    cores = os.cpu_count() or 1
    # Started anew, not forked: no connection to the database and no lock is inherited. Who
    # presses Ctrl-C means this process, which stops the others.
    pool = ProcessPoolExecutor(cores, get_context("spawn"), signal, (SIGINT, SIG_IGN))
    try:
        ahead = deque(pool.submit(read_each, batch) for batch in islice(batches, cores + 1))
        yield read_each(first)  # while they start
        while ahead:
            read = _result(ahead.popleft())
            ahead.extend(pool.submit(read_each, batch) for batch in islice(batches, 1))
            yield read
    finally:
        pool.shutdown(cancel_futures=True)


def _result(batch: Future[list[NamedUpload]]) -> list[NamedUpload]:
    try:
        return batch.result()
    except BrokenProcessPool:
        wrong = "A process that reads the files has died; perhaps the machine is short of memory."
        cure = "Run it again: what was accepted so far is in the store."
        raise Refused("import.worker", wrong, cure) from None


def _batches(files: Iterable[NamedFile]) -> Iterator[list[NamedFile]]:
    batch: list[NamedFile] = []
    octets = 0
    for name, data in files:
        batch.append((name, data))
        octets += len(data)
        if len(batch) == BATCH or octets >= BATCH_BYTES:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch
