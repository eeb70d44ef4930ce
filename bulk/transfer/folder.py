"""The exchange's directory on the SFTP server, as the operations use it (BK-5).

Nothing is overwritten: a file gets its name, which nobody used before, by a plain rename once all
of it is there and was read back. Whatever breaks leaves a part at most, which `sweep` removes.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import BinaryIO

from bulk.exchange.names import PartName, read_name
from bulk.transfer import failures, flow
from bulk.transfer.directory import NOBODY, Directory
from bulk.transfer.guardian import Guardian
from bulk.transfer.listing import RemoteFile
from bulk.transfer.lock import Lock, locked
from bulk.transfer.pipeline import Session, StatusError
from bulk.transfer.wire import Attributes
from certificates.reach import ssh
from certificates.refusal import Refused
from certificates.sentence import say

Progress = Callable[[int, int], None]  # bytes that the server has answered for, and of how many
_NOTHING = say("Nothing was published.")
_PART_LEFT = say("Nothing was published; what was sent so far is removed by a later run.")
_NAME_LEFT = say("Whether it got its name is not known: it is there as a whole, or not at all.")


@contextmanager
def opened(
    target: ssh.Target,
    directory: str,
    *,
    cluster_id: str = NOBODY,
    stop: Callable[[], bool],
    patience: float = 20.0,
    limit: float = 270.0,
) -> Iterator["Folder"]:
    """Connect, sign in and find the directory; for as long as the block lasts.

    Args:
        directory: absolute, or below where the user begins; "": there.
        cluster_id: whose visit it is.
        stop: whether somebody has cancelled; asked twice a second, in a thread of its own.
        patience: seconds that one waits for an answer; the work on this side does not count.
        limit: seconds in all.

    Raises:
        Refused: sftp.forbidden, sftp.unreachable, sftp.host-key-changed (`HostKeyChanged`),
            sftp.login, sftp.no-sftp, sftp.folder-missing, sftp.folder-denied; and at any time
            sftp.cut, sftp.silent, sftp.time, sftp.failed.
        Cancelled: `stop` said so; the connection is closed.
    """
    guardian = Guardian(stop, patience=patience, limit=limit)
    with guardian.on_duty(), ExitStack() as stack:
        with failures.connecting(target, guardian):
            reached = ssh.connected(target, limit=patience, guard=guardian.watch)
            channel = stack.enter_context(reached).subsystem("sftp")
            session = Session(channel, guardian)
        place = Directory(session, guardian, str(target), directory, cluster_id)
        place.enter()
        yield Folder(place)


class Folder:
    """The directory, for as long as the connection stands.

    Each method may also raise `Cancelled`, and `Refused` for what can happen at any time: sftp.cut,
    sftp.silent, sftp.time; sftp.gone, sftp.denied, sftp.full, sftp.failed; sftp.here.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def entries(self) -> list[RemoteFile]:
        """What is in the directory. Raises `Refused` sftp.crowded, sftp.folder-denied."""
        return self._directory.entries()

    def free_space(self) -> int | None:
        """Bytes; None: the server does not tell."""
        return self._directory.free_space()

    def check_writable(self) -> None:
        """Make a probe and remove it. Raises `Refused` sftp.folder-denied."""
        self._directory.probe()

    def now(self) -> datetime:
        """The server's clock, to the second: when it says that a file was written just now."""
        return self._directory.probe()

    def read(
        self, name: str, target: BinaryIO, *, most: int, progress: Progress | None = None
    ) -> int:
        """Copy a file into `target`; its size in bytes.

        A link is not followed, but for one that takes the file's place between two requests:
        version 3 can't open without following.

        Raises:
            Refused: sftp.name, sftp.no-file, sftp.large, sftp.changed.
        """
        directory = self._directory
        with directory.doing(say("reading {name}", name=name)):
            found = directory.about(name)
            if found and not found.is_file:
                raise failures.no_file(name)
            with directory.file(name) as handle:
                about = directory.about_open(handle)
                if not about.is_file:
                    raise failures.no_file(name)
                if (about.size or 0) > most:
                    raise failures.too_large(name, about.size or 0, most)
                if found != about:
                    raise failures.changed(name)
                self._copy(name, handle, about, target, progress or _unheard)
        return about.size or 0

    def _copy(
        self, name: str, handle: bytes, about: Attributes, target: BinaryIO, report: Progress
    ) -> None:
        """All of an open file, which stays as it is meanwhile."""
        session, size = self._directory.session, about.size or 0
        try:
            flow.get(session, handle, size, target.write, lambda done: report(done, size))
        except flow.EndedEarlyError as error:
            raise failures.changed(name) from error
        grew = not flow.ends_at(session, handle, size)
        if grew or self._directory.about_open(handle) != about:
            raise failures.changed(name)

    def publish(
        self, name: str, source: BinaryIO, *, part: str, progress: Progress | None = None
    ) -> None:
        """Write `source` to `part`, read it back, and give it its name.

        Args:
            progress: counts each byte twice, written and read back.

        Raises:
            Refused: sftp.taken, sftp.differs, sftp.name.
        """
        directory, report = self._directory, progress or _unheard
        with directory.doing(say("looking for {name}", name=name)):
            if directory.about(name):
                raise failures.taken(directory.place, name)
        self._write(name, source, part, report)
        naming = say("giving {name} its name", name=name)
        with directory.doing(naming, left=_NOTHING, when_cut=_NAME_LEFT):
            try:
                directory.rename(part, name)
            except StatusError as error:
                with directory.removed_on_failure(part):
                    if directory.about(name):
                        raise failures.taken(directory.place, name) from error
                    raise

    def _write(self, name: str, source: BinaryIO, part: str, report: Progress) -> None:
        """All of it, onto the disk, and the same when it is read back."""
        directory, session = self._directory, self._directory.session
        size, hashed, acknowledged = _length(source), _Hashed(source), 0

        def written(done: int) -> None:
            nonlocal acknowledged
            acknowledged = done
            report(done, 2 * size)

        doing = directory.doing(
            say("writing {name}", name=name),
            left=_NOTHING,
            when_cut=_PART_LEFT,
            needed=lambda: size - acknowledged,
        )
        with doing, directory.new_file(part) as handle:
            count = flow.put(session, handle, hashed.read, written)
            directory.sync(handle)
            if not self._is_same(handle, count, hashed.digest, report):
                raise failures.differs(directory.place, name)

    def _is_same(self, handle: bytes, size: int, digest: bytes, report: Progress) -> bool:
        session, back = self._directory.session, hashlib.sha256()
        try:
            flow.get(session, handle, size, back.update, lambda done: report(size + done, 2 * size))
        except flow.EndedEarlyError:
            return False
        return back.digest() == digest and flow.ends_at(session, handle, size)

    def remove(self, name: str) -> None:
        """A file that is gone is as good as removed. Raises `Refused` sftp.name."""
        with self._directory.doing(say("removing {name}", name=name)):
            self._directory.remove(name)

    def sweep(self, cluster_id: str, older_than: timedelta) -> list[str]:
        """Remove what dead uploads left: own parts, and those of others that are old.

        Args:
            older_than: by the server's clock.

        Returns:
            The names that were removed.
        """
        removed: list[str] = []
        parts = [
            (one, name)
            for one in self.entries()
            if one.is_file and isinstance(name := read_name(one.name), PartName)
        ]
        now = self.now() if parts else None
        for one, name in parts:
            if name.cluster_id == cluster_id or (now and now - one.modified_at > older_than):
                with _others_stay():
                    self.remove(one.name)
                    removed.append(one.name)
        return removed

    def remove_replaced(self, names: Iterable[str]) -> None:
        """Remove what counts no longer. One that is another user's may have to stay."""
        for name in names:
            with _others_stay():
                self.remove(name)

    def locked(
        self, owner: str, cluster_id: str, *, lifetime: timedelta
    ) -> AbstractContextManager[Lock]:
        """Hold the directory's lock for the block; see `lock`.

        Args:
            owner: the cluster's name, which others are shown.
            lifetime: until it ends by itself; whole seconds.

        Raises:
            Refused: sftp.locked.
        """
        return locked(self._directory, owner, cluster_id, lifetime)


@contextmanager
def _others_stay() -> Iterator[None]:
    """A directory may let each user remove only what is its own (as /tmp): that stops nobody."""
    try:
        yield
    except Refused as refused:
        if refused.code != "sftp.denied":
            raise


class _Hashed:
    """A source that knows the hash of what was read from it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._hash = source, hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> bytes:
        return self._hash.digest()


def _unheard(_done: int, _total: int) -> None:
    """Nobody listens."""


def _length(source: BinaryIO) -> int:
    begin = source.tell()
    end = source.seek(0, os.SEEK_END)
    source.seek(begin)
    return end - begin
