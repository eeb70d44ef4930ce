"""The few file operations that a node's store needs, the same for this server and for another."""

import contextlib
import errno
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

from certificates.local_files import as_its_user, locked, make_folder, sync_folder


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
    def are_given(self) -> bool:
        """Whether somebody else than the writer shall read."""
        return (self.uid, self.gid) != (-1, -1)

    @property
    def folder_mode(self) -> int:
        """Folders stay the writer's own: whoever may only read must not exchange what is in them.

        Others may pass, but not list; each file says who reads it.
        """
        return 0o711 if self.are_given else 0o700


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a folder. `mode`: permission bits alone."""

    name: str
    is_file: bool
    is_folder: bool
    mode: int
    uid: int
    gid: int
    size: int = 0

    @classmethod
    def of(cls, name: str, mode: int, uid: int, gid: int, size: int) -> "Entry":
        """From the numbers of lstat(2)."""
        kinds = stat.S_ISREG(mode), stat.S_ISDIR(mode)
        return cls(name, *kinds, stat.S_IMODE(mode), uid, gid, size)


class UnknownOwnerError(Exception):
    """The node knows no user, or no group, of that name."""


class ClosedFolderError(Exception):
    """A folder above the store lets nobody pass but its owner."""

    def __init__(self, folder: PurePosixPath) -> None:
        super().__init__(str(folder))


class Files(Protocol):
    """Every method raises `OSError`; one that is done is on disk, not in a cache alone."""

    def read(self, path: PurePosixPath) -> bytes: ...

    def link_target(self, path: PurePosixPath) -> str:
        """`FileNotFoundError`: nothing is there; EINVAL: something that is no link."""

    def entries(self, folder: PurePosixPath) -> list[Entry]: ...

    def make_folder(self, path: PurePosixPath, rights: Rights) -> None:
        """With the mode of `rights`, the writer's own; what is missing above it anybody may enter.

        There already: its mode is mended. A link in its place is ELOOP, and not followed.
        """

    def mode(self, path: PurePosixPath) -> int:
        """Permission bits, links followed."""

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
            numbers = (about.st_mode, about.st_uid, about.st_gid, about.st_size)
            found.append(Entry.of(path.name, *numbers))
        return found

    def make_folder(self, path: PurePosixPath, rights: Rights) -> None:
        folder = Path(path)
        make_folder(folder.parent, mode=0o755)
        with as_its_user(folder.parent):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                sync_folder(folder.parent)
            if folder.is_symlink():
                raise OSError(errno.ELOOP, "it is a link", str(path))
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(folder, flags)
            try:
                os.fchmod(descriptor, rights.folder_mode)  # whatever the umask says
            finally:
                os.close(descriptor)

    def mode(self, path: PurePosixPath) -> int:
        return stat.S_IMODE(Path(path).stat().st_mode)

    def write_new(self, path: PurePosixPath, data: bytes, rights: Rights) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with as_its_user(Path(path).parent):
            descriptor = os.open(path, flags, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - an open descriptor
            if rights.are_given:
                os.fchown(descriptor, rights.uid, rights.gid)
            os.fchmod(descriptor, rights.file_mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)

    def make_link(self, path: PurePosixPath, target: str) -> None:
        with as_its_user(Path(path).parent):
            Path(path).symlink_to(target)

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        with as_its_user(Path(new).parent):
            Path(old).rename(new)

    def sync_folder(self, path: PurePosixPath) -> None:
        sync_folder(Path(path))

    def remove(self, path: PurePosixPath) -> None:
        target = Path(path)
        with as_its_user(target.parent):
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
