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
        make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    write_new(temporary, make(), owner=owner_in(path.parent))
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
        write_new(temporary, data, mode, owner_in(path.parent, path.name))
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def owner_in(folder: Path, name: str = "") -> tuple[int, int] | None:
    """User and group of what root makes in `folder`: those of what has that name, or the folder's.

    Commands are run by root where the product runs as a user of its own, who must read what they
    have made. Only root may give a file away: None for anybody else.
    """
    if os.geteuid() != 0:
        return None
    about = folder.stat()
    if name:
        with contextlib.suppress(FileNotFoundError):
            about = (folder / name).lstat()
    return about.st_uid, about.st_gid


def make_folder(path: Path, mode: int = 0o700) -> None:
    """A folder and those above it that are missing; or it is there.

    What root makes belongs to the owner of the folder it is in.
    """
    if path.is_dir():
        return
    if not path.parent.is_dir():
        make_folder(path.parent, mode)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode)
        give_folder(path)


def give_folder(path: Path) -> None:
    """The folder that was just made, to the owner of the one that it is in; only root has to."""
    owner = owner_in(path.parent)
    if owner is None:
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_uid == 0:  # else somebody has put another one in its place
            os.fchown(descriptor, *owner)
    finally:
        os.close(descriptor)


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
    owner = owner_in(path.parent)
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
    make_folder(folder)
    with contextlib.ExitStack() as taken:
        for number in range(places):
            descriptor = open_lock(folder / f"{number}.lock")
            taken.callback(os.close, descriptor)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield True
                return
        yield False
