"""The files of another server over SFTP; each write is read back before it counts."""

import errno
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePosixPath
from typing import Any

import paramiko

from certificates.locks import cluster_lock
from certificates.reach.command import Ended
from certificates.reach.files import Entry, Rights, UnknownOwnerError
from certificates.sentence import say

_EXTENDED = 200  # SSH_FXP_EXTENDED
_PATIENCE = 60.0  # seconds for another writer to end
_PRIVATE = 0o700
Run = Callable[..., Ended]


class RemoteFiles:
    """See `Files`. `OSError` always has a number here: SFTP itself tells little but "failure"."""

    def __init__(self, client: paramiko.SFTPClient, run: Run) -> None:
        self._client, self._run = client, run

    def read(self, path: PurePosixPath) -> bytes:
        with self._told(path), self._client.open(str(path), "rb") as file:
            file.prefetch(file.stat().st_size)
            data: bytes = file.read()
            return data

    def link_target(self, path: PurePosixPath) -> str:
        with self._told(path):
            if not stat.S_ISLNK(self._client.lstat(str(path)).st_mode or 0):
                raise OSError(errno.EINVAL, "it is no link", str(path))
            return self._client.readlink(str(path)) or ""

    def entries(self, folder: PurePosixPath) -> list[Entry]:
        with self._told(folder):
            return [
                Entry.of(
                    one.filename,
                    one.st_mode or 0,
                    one.st_uid or 0,
                    one.st_gid or 0,
                    one.st_size or 0,
                )
                for one in self._client.listdir_attr(str(folder))
            ]

    def make_folder(self, path: PurePosixPath, rights: Rights) -> None:
        for parent in reversed(path.parents):
            if self._kind(parent) is None:
                with self._told(parent):
                    self._client.mkdir(str(parent), 0o755)
        with self._told(path):
            kind = self._kind(path)
            if kind == stat.S_IFLNK:
                raise OSError(errno.ELOOP, "it is a link", str(path))
            if kind is None:
                self._client.mkdir(str(path), _PRIVATE)
                self.sync_folder(path.parent)
            if self.mode(path) != rights.folder_mode:
                self._client.chmod(str(path), rights.folder_mode)

    def mode(self, path: PurePosixPath) -> int:
        with self._told(path):
            return stat.S_IMODE(self._client.stat(str(path)).st_mode or 0)

    def write_new(self, path: PurePosixPath, data: bytes, rights: Rights) -> None:
        with self._told(path, needed=len(data)):
            with self._client.open(str(path), "wx") as file:
                file.chmod(0o600)  # while it is empty
                # Without waiting for each answer, and so without seeing each: what came to be is
                # read back below.
                file.set_pipelined(True)
                file.write(data)
                self._sync(file)
            if self.read(path) != data:
                raise OSError("other bytes came back than were written")
            with self._client.open(str(path), "r+") as file:
                if rights.are_given:
                    self._give(file, rights, path)
                file.chmod(rights.file_mode)

    def make_link(self, path: PurePosixPath, target: str) -> None:
        with self._told(path):
            self._client.symlink(target, str(path))

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        with self._told(new):
            self._client.posix_rename(str(old), str(new))

    def sync_folder(self, path: PurePosixPath) -> None:
        # OpenSSH opens a folder like a file; a server that does not keeps its names itself.
        try:
            with self._client.open(str(path), "r") as folder:
                self._sync(folder)
        except OSError:
            return

    def remove(self, path: PurePosixPath) -> None:
        with self._told(path):
            try:
                about = self._client.lstat(str(path))
            except FileNotFoundError:
                return
            if not stat.S_ISDIR(about.st_mode or 0):
                self._client.remove(str(path))
                return
            for entry in self.entries(path):
                self.remove(path / entry.name)
            self._client.rmdir(str(path))

    def locked(self, path: PurePosixPath) -> AbstractContextManager[None]:
        """SFTP has no lock: the one of the cluster, which all writers of this product take."""
        return self._locked(path)

    @contextmanager
    def _locked(self, path: PurePosixPath) -> Iterator[None]:
        peer = self._client.get_channel()
        where = peer.getpeername() if peer else ""
        with cluster_lock(f"store {where} {path}", patience=_PATIENCE) as held:
            if not held:
                raise OSError(errno.EBUSY, "another process writes to it still", str(path))
            yield

    def rights(self, owner: str, group: str) -> Rights:
        uid = self._identity(["id", "-u", owner], owner)
        gid = self._identity(["getent", "group", group], group, part=2)
        return Rights(uid, gid)

    def _identity(self, words: list[str], name: str, part: int = 0) -> int:
        if not name:
            return -1
        if name.isdecimal():
            return int(name)
        said = self._run(words, limit=10.0)
        found = said.output.strip().split(":")[part:]
        if said.status != 0 or not found or not found[0].isdecimal():
            raise UnknownOwnerError(name)
        return int(found[0])

    def _give(self, file: paramiko.SFTPFile, rights: Rights, path: PurePosixPath) -> None:
        about = file.stat()
        uid = about.st_uid if rights.uid == -1 else rights.uid
        gid = about.st_gid if rights.gid == -1 else rights.gid
        try:
            file.chown(uid or 0, gid or 0)  # by its handle: whatever stands under its name by now
        except PermissionError as error:  # SFTP has one word for this and for a folder's rights
            raise OSError(errno.EPERM, "it can't be given away", str(path)) from error

    def _kind(self, path: PurePosixPath) -> int | None:
        """Folder, link or file (`stat.S_IFMT`), a link not followed; None: nothing is there."""
        with self._told(path):
            try:
                return stat.S_IFMT(self._client.lstat(str(path)).st_mode or 0)
            except FileNotFoundError:
                return None

    def _sync(self, file: paramiko.SFTPFile) -> None:
        try:
            self._extended("fsync@openssh.com", file.handle)
        except OSError:
            return  # not OpenSSH: it syncs when it likes

    def _extended(self, name: str, argument: object) -> Any:
        """An extension of OpenSSH; paramiko has no public way to one."""
        client: Any = self._client
        return client._request(_EXTENDED, name, argument)  # noqa: SLF001

    @contextmanager
    def _told(self, path: PurePosixPath, needed: int = 0) -> Iterator[None]:
        """SFTP says "Failure" for a full disk as for anything else: ask the disk."""
        try:
            yield
        except TimeoutError:
            raise
        except OSError as error:
            if error.errno is not None and error.filename is None:
                raise OSError(error.errno, error.strerror, str(path)) from error
            if error.errno is not None or str(error) == "Socket is closed":
                raise
            full = self._free(path.parent) < max(needed, 4096)
            number = errno.ENOSPC if full else errno.EIO
            why = (
                say("no space left on its disk")
                if full
                else say("its server says {error}", error=repr(str(error)))
            )
            raise OSError(number, why, str(path)) from error

    def _free(self, folder: PurePosixPath) -> int:
        """Bytes that may still be written there; a large number where the server can't tell."""
        try:
            _, answer = self._extended("statvfs@openssh.com", str(folder))
        except OSError:
            return 1 << 62
        numbers = [answer.get_int64() for _ in range(5)]
        return int(numbers[1] * numbers[4])
