"""The files of backups: their names, how one is written whole or not at all, which may go.

Nothing but files with a name of ours is ever touched.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from certificates.backup_format.header import Header, read_header
from certificates.local_files import PRIVATE, as_its_user, sync_folder
from certificates.refusal import Refused
from certificates.sentence import say

ENDING = ".ccxsec-backup"
_MOMENT = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(
    r"(?P<node>[a-z0-9.-]{1,253})-(?P<moment>\d{8}T\d{6}Z)(-\d{1,3})?\.ccxsec-backup"
)
_UNFINISHED = re.compile(r"\..{1,300}\.ccxsec-backup\.[0-9a-f]{12}\.new")
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup in a folder, as far as it can be told without opening it."""

    path: Path
    size: int  # bytes
    header: Header | None  # None: it can't be read
    problem: str  # "" when it can

    @property
    def name(self) -> str:
        return self.path.name


class HashedFile:
    """What is written to it goes on to a file, and into the digest that the audit log keeps."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class NewFile:
    """A file beside its final name. Only `keep` gives it that name; otherwise it goes away."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.new")
        self._kept = False

    def __enter__(self) -> "NewFile":
        remove_unfinished(self.path.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with as_its_user(self.path.parent):
            descriptor = os.open(self.temporary, flags, PRIVATE)
        self.file = open(descriptor, "w+b")  # noqa: PTH123 - closed by __exit__
        fcntl.flock(self.file, fcntl.LOCK_EX)  # while it is held, nobody takes it for a leftover
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.file.close()  # it may have to write what the disk has no room for
        if not self._kept:
            with contextlib.suppress(OSError):
                self.temporary.unlink(missing_ok=True)

    def sync(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())

    def keep(self) -> None:
        """Give it its name. Raises `Refused` backup.exists."""
        if os.path.lexists(self.path):
            wrong = f"There is a file {self.path} already."
            raise Refused("backup.exists", wrong, "Choose another name; none is overwritten.")
        self.temporary.rename(self.path)
        self._kept = True
        sync_folder(self.path.parent)

    def take_back(self) -> None:
        """Its record could not be written: what was not recorded was not made."""
        if self._kept:
            self.path.unlink(missing_ok=True)


def name_of(node: str, taken_at: datetime) -> str:
    """A name that tells whose it is and of when."""
    return f"{node}-{taken_at.astimezone(UTC):{_MOMENT}}{ENDING}"


def free_name(folder: Path, node: str, taken_at: datetime) -> Path:
    """The same with a number where two are made within a second."""
    path = folder / name_of(node, taken_at)
    number = 2
    while os.path.lexists(path):
        path = folder / name_of(node, taken_at).replace(ENDING, f"-{number}{ENDING}")
        number += 1
    return path


def backups_in(folder: Path, *, most: int = MOST_LISTED) -> list[BackupFile]:
    """The backups in a folder with a name of ours, of the newest moment first."""
    try:
        names = [name for name in os.listdir(folder) if _NAME.fullmatch(name)]  # noqa: PTH208
    except FileNotFoundError:
        return []
    names.sort(key=_moment_of, reverse=True)
    return [look_at(folder / name) for name in names[:most]]


def backup_named(folder: Path, name: str) -> Path | None:
    """The file of that name; None for what is none of ours, whatever the name may say."""
    path = folder / name
    is_ours = _NAME.fullmatch(name) and path.is_file() and not path.is_symlink()
    return path if is_ours else None


def look_at(path: Path) -> BackupFile:
    """Size and readable beginning of a backup."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return BackupFile(path, size, read_header(file), "")
    except OSError as error:
        return BackupFile(path, 0, None, say("It can't be read: {error}.", error=error.strerror))
    except Refused as refused:
        return BackupFile(path, path.stat().st_size, None, refused.sentence)


def superfluous(folder: Path, node: str, *, kept: int, newest: Path) -> list[Path]:
    """What a retention of `kept` lets go: backups of `node`, the oldest ones.

    Args:
        newest: was just made and read back; it stays whatever the clocks say.
    """
    names = [name for name in os.listdir(folder) if _is_of(name, node)]  # noqa: PTH208
    others = sorted((name for name in names if name != newest.name), key=_moment_of, reverse=True)
    paths = [folder / name for name in others[max(0, kept - 1) :]]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def remove_unfinished(folder: Path) -> None:
    """What writers that were killed have left; one that still writes holds a lock on its file."""
    for path in _unfinished(folder):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)


def _unfinished(folder: Path) -> Iterator[Path]:
    for name in os.listdir(folder):  # noqa: PTH208 - names alone
        if _UNFINISHED.fullmatch(name):
            yield folder / name


def _moment_of(name: str) -> tuple[str, str]:
    found = _NAME.fullmatch(name)
    return (found["moment"], name) if found else ("", name)


def _is_of(name: str, node: str) -> bool:
    found = _NAME.fullmatch(name)
    return found is not None and found["node"] == node
