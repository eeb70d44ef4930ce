"""The few file operations that a node's store needs, the same for this server and for another."""

import grp
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from certificates.local_files import locked, sync_folder


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may read what is written. -1: whoever writes it, and the group of that user."""

    uid: int = -1
    gid: int = -1

    @property
    def file_mode(self) -> int:
        """A group that was named may read; nobody else ever."""
        return 0o600 if self.gid == -1 else 0o640

    @property
    def folder_mode(self) -> int:
        return 0o700 if self.gid == -1 else 0o750


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a folder. `mode`: permission bits alone."""

    name: str
    is_file: bool
    is_folder: bool
    mode: int
    uid: int
    gid: int

    @classmethod
    def of(cls, name: str, mode: int, uid: int, gid: int) -> "Entry":
        """From the numbers of lstat(2)."""
        return cls(name, stat.S_ISREG(mode), stat.S_ISDIR(mode), stat.S_IMODE(mode), uid, gid)


class UnknownOwnerError(Exception):
    """The node knows no user, or no group, of that name."""


class Files(Protocol):
    """Every method raises `OSError`; one that is done is on disk, not in a cache alone."""

    def read(self, path: PurePosixPath) -> bytes: ...

    def link_target(self, path: PurePosixPath) -> str:
        """`FileNotFoundError`: nothing is there; EINVAL: something that is no link."""

    def entries(self, folder: PurePosixPath) -> list[Entry]: ...

    def make_folder(self, path: PurePosixPath, rights: Rights) -> None:
        """Also what is missing above it, which everybody may enter. There already: fine."""

    def write_new(self, path: PurePosixPath, data: bytes, rights: Rights) -> None:
        """Never follows a link or takes an existing file; closed to others from the first byte."""

    def make_link(self, path: PurePosixPath, target: str) -> None: ...

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Atomic; a file or link of the new name is replaced, a folder never."""

    def sync_folder(self, path: PurePosixPath) -> None: ...

    def remove(self, path: PurePosixPath) -> None:
        """A file, a link, or a folder with all in it. Gone already: fine."""

    def locked(self, path: PurePosixPath) -> AbstractContextManager[None]:
        """One writer at a time, in the whole cluster."""

    def rights(self, owner: str, group: str) -> Rights:
        """Names or numbers; "" leaves one out. Raises `UnknownOwnerError`."""


class LocalFiles:
    """This server's own."""

    def read(self, path: PurePosixPath) -> bytes:
        return Path(path).read_bytes()

    def link_target(self, path: PurePosixPath) -> str:
        return str(Path(path).readlink())

    def entries(self, folder: PurePosixPath) -> list[Entry]:
        found = []
        for path in Path(folder).iterdir():
            about = path.lstat()
            found.append(Entry.of(path.name, about.st_mode, about.st_uid, about.st_gid))
        return found

    def make_folder(self, path: PurePosixPath, rights: Rights) -> None:
        folder = Path(path)
        if folder.is_dir():
            return
        folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        _give(folder, rights, rights.folder_mode)
        sync_folder(folder.parent)

    def write_new(self, path: PurePosixPath, data: bytes, rights: Rights) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - an open descriptor
            _give(descriptor, rights, rights.file_mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)

    def make_link(self, path: PurePosixPath, target: str) -> None:
        Path(path).symlink_to(target)

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        Path(old).rename(new)

    def sync_folder(self, path: PurePosixPath) -> None:
        sync_folder(Path(path))

    def remove(self, path: PurePosixPath) -> None:
        target = Path(path)
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)

    @contextmanager
    def locked(self, path: PurePosixPath) -> Iterator[None]:
        with locked(Path(path)):
            yield

    def rights(self, owner: str, group: str) -> Rights:
        try:
            uid = _number(owner) if owner.isdecimal() or not owner else pwd.getpwnam(owner).pw_uid
            gid = _number(group) if group.isdecimal() or not group else grp.getgrnam(group).gr_gid
        except KeyError as error:
            raise UnknownOwnerError(str(error.args[0])) from None
        return Rights(uid, gid)


def _number(text: str) -> int:
    return int(text) if text else -1


def _give(place: Path | int, rights: Rights, mode: int) -> None:
    if (rights.uid, rights.gid) != (-1, -1):
        os.chown(place, rights.uid, rights.gid)
    os.chmod(place, mode)  # noqa: PTH101 - or a descriptor; whatever the umask says
