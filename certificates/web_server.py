"""The product's own web server, as operations see it: where it runs, and how it is told to reload.

The supervising process of `./ccxsec up` holds a lock for as long as it lives, so the process
number in the file is never that of a stranger.
"""

import fcntl
import json
import os
import signal
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from certificates.local_files import make_folder, open_lock

# Of TLS 1.2, with forward secrecy; those of TLS 1.3 all have it.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
SERVICE = "tomcat"  # whose certificate it serves (MN-4)


@dataclass(frozen=True, slots=True)
class Running:
    """The running product: process number of its supervisor, address to probe."""

    pid: int
    host: str
    port: int

    def reload(self) -> None:
        """Have it serve what is in the store now; requests in flight are finished."""
        os.kill(self.pid, signal.SIGHUP)


class AlreadyRunningError(Exception):
    """Another supervisor holds the lock of this data folder."""


def running() -> Running | None:
    """The product that runs on this data folder; None when none does."""
    try:
        file = _path().open("rb")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # two who ask don't see each other
        except BlockingIOError:
            text = file.read()
            return Running(**json.loads(text)) if text else None
    return None


@contextmanager
def announced(running_as: Running) -> Iterator[None]:
    """Hold the lock, and say in its file where the product runs.

    Raises:
        AlreadyRunningError: another one does so already.
    """
    with reserved() as file:
        file.write(json.dumps(asdict(running_as)).encode())
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


@contextmanager
def worker_runs() -> Iterator[None]:
    """Hold what `reserved` must be free of: any number of workers may run on a data folder.

    Raises:
        AlreadyRunningError: a restore is under way.
    """
    with _held(_path().with_name("worker.lock"), fcntl.LOCK_SH):
        yield


@contextmanager
def reserved_alone() -> Iterator[None]:
    """`reserved`, and no worker runs by itself either.

    Raises:
        AlreadyRunningError: the product or a worker runs.
    """
    with reserved(), _held(_path().with_name("worker.lock"), fcntl.LOCK_EX):
        yield


@contextmanager
def _held(path: Path, kind: int) -> Iterator[None]:
    make_folder(path.parent)
    descriptor = open_lock(path)
    with open(descriptor, "r+b"):  # noqa: PTH123 - an open descriptor
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError(str(path)) from None
        yield


@contextmanager
def reserved() -> Iterator[BinaryIO]:
    """Hold the lock without running: the product can't be started meanwhile.

    Raises:
        AlreadyRunningError: it runs.
    """
    make_folder(_path().parent)
    descriptor = open_lock(_path())
    with open(descriptor, "r+b") as file:  # noqa: PTH123 - an open descriptor
        _lock(descriptor)
        file.truncate()
        yield file


def _lock(descriptor: int) -> None:
    """For a moment somebody who asks may hold it, too: try for a second."""
    for _ in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return
    raise AlreadyRunningError(str(_path()))


def tls_context(folder: Path, kind: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext:
    """A server's context for the certificate and key in `folder` of the store.

    TLS 1.2 and 1.3. OpenSSL's usual security level refuses to load RSA 1024 and SHA-1; where the
    operator has chosen that, the level is lowered for this server alone.

    Raises:
        ssl.SSLError: the two don't belong together, or can't be used at all.
    """
    return _loaded(kind, folder / "fullchain.pem", folder / "key.pem")


def check_pair(full_chain: bytes, key: bytes) -> None:
    """Raises `ssl.SSLError` where no server could use these (in PEM); they stay in memory."""
    with _in_memory(full_chain) as chain_file, _in_memory(key) as key_file:
        _loaded(ssl.SSLContext, chain_file, key_file)


def _loaded(kind: type[ssl.SSLContext], chain: Path, key: Path) -> ssl.SSLContext:
    context = kind(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    try:
        context.load_cert_chain(chain, key, "")  # never asks a person for a pass phrase
    except ssl.SSLError as error:
        if error.reason not in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"):
            raise
        context.set_ciphers(f"{CIPHERS}:@SECLEVEL=1")
        context.load_cert_chain(chain, key, "")
    return context


@contextmanager
def _in_memory(data: bytes) -> Iterator[Path]:
    """A name for bytes that are on no disk: OpenSSL reads files only."""
    with open(os.memfd_create("pem", os.MFD_CLOEXEC), "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(data)
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")


def _path() -> Path:
    return Path(settings.CCXSEC_DATA) / "run" / "up.json"
