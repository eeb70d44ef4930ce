"""Small files written so that neither a crash nor a neighbour can spoil them."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

PRIVATE = 0o600


def new_secret_key() -> bytes:
    """64 random bytes as text, for Django's `SECRET_KEY`."""
    return secrets.token_urlsafe(64).encode()


def create_once(path: Path, make: Callable[[], bytes]) -> str:
    """The text in `path`; where there is no such file, `make()` is written first.

    Two processes that start together end with the same content: the second one reads.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    write_new(temporary, make())
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)  # unlike a rename, this never replaces what is there
    temporary.unlink()
    sync_folder(path.parent)
    return path.read_text().strip()


def write_new(
    path: Path, data: bytes, mode: int = PRIVATE, owner: tuple[int, int] | None = None
) -> None:
    """Create `path` with `data` on disk; an existing file or link is an error."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, mode), "wb") as file:  # noqa: PTH123 - an open descriptor
        if owner:
            os.fchown(file.fileno(), *owner)
        os.fchmod(file.fileno(), mode)  # whatever the umask says
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """A reader sees the old content or the new one, never a mixture.

    Callers hold a lock: what a writer that was killed has left, the next one removes. When root
    replaces a file of the product's user, it stays that user's: the running product reads it.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        write_new(temporary, data, mode, _owner_to_keep(path))
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def _owner_to_keep(path: Path) -> tuple[int, int] | None:
    """Only root may give a file away; what anybody else replaces is his already."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError):
        former = path.lstat()
        return former.st_uid, former.st_gid
    return None


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_lock(path: Path) -> int:
    """A descriptor of the lock file `path`; one that root makes belongs to its folder's owner.

    One that was there stays as it is: under its name may stand another file of root's by then.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags | os.O_EXCL, PRIVATE)
    except FileExistsError:
        return os.open(path, flags, PRIVATE)
    owner = _owner_to_keep(path.parent)
    if owner:
        os.fchown(descriptor, *owner)
    return descriptor


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`. The kernel drops it when the holder dies, however it dies."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def one_of(folder: Path, places: int) -> Iterator[bool]:
    """Hold one of a number of places that all processes of this machine share.

    Yields:
        False: all of them are taken.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.ExitStack() as taken:
        for number in range(places):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(folder / f"{number}.lock", flags, PRIVATE)
            taken.callback(os.close, descriptor)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield True
                return
        yield False
