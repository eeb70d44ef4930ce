"""Small files written so that neither a crash nor a neighbour can spoil them.

Commands are run by root where the product runs as a user of its own, who must read and replace what
they have made. So in a folder of that user root acts with that user's rights and nothing more: what
it makes is that user's, and whatever that user puts in a folder's place leads to nothing of root's.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PRIVATE = 0o600


@dataclass
class Installation:
    """Whose the product's files are. `data`: the data folder, as the settings name it."""

    data: Path | None = None

    @property
    def user(self) -> tuple[int, int] | None:
        """User and group that root acts for; None if it is root's own, or this is not root."""
        if os.geteuid() != 0 or self.data is None or not self.data.is_dir():
            return None
        about = self.data.stat()
        return (about.st_uid, about.st_gid) if about.st_uid else None


INSTALLATION = Installation()


@contextlib.contextmanager
def as_its_user(folder: Path) -> Iterator[None]:
    """If `folder` is one of the product's user: with that user's rights. Of the whole process.

    Below the data folder all are, whatever stands there at this moment.
    """
    user, group = INSTALLATION.user or (0, 0)
    is_below = user and INSTALLATION.data in (folder, *folder.parents)
    if not user or not (is_below or folder.stat().st_uid == user):
        yield
        return
    former = os.getegid()
    with contextlib.ExitStack() as back:
        with contextlib.suppress(OSError):  # root that may not become another stays what it is
            os.setegid(group)
            back.callback(os.setegid, former)
            os.seteuid(user)
            back.callback(os.seteuid, 0)
        yield


def make_folder(path: Path, mode: int = 0o700) -> None:
    """A folder and those above it that are missing; or it is there."""
    if path.is_dir():
        return
    if not path.parent.is_dir():
        make_folder(path.parent, mode)
    with as_its_user(path.parent):
        try:
            path.mkdir(mode)
        except FileExistsError:
            if not path.is_dir():
                raise


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
    with as_its_user(path.parent):
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
    with as_its_user(path.parent):
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
    """A descriptor of the lock file `path`, which is made if it is missing."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with as_its_user(path.parent):
        return os.open(path, flags, PRIVATE)


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
