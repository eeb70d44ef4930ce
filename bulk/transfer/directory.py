"""The directory on the server, one small step at a time; each failure is a `Refused`."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from bulk.exchange.names import part_name
from bulk.transfer import failures, wire
from bulk.transfer.failures import UNTOUCHED, Doing
from bulk.transfer.guardian import Guardian
from bulk.transfer.listing import MOST_ENTRIES, RemoteFile, collected, when
from bulk.transfer.pipeline import LineError, Session, StatusError
from bulk.transfer.wire import Attributes, Code, DiskSpace, Kind, Open, WireError
from certificates.refusal import Refused
from certificates.sentence import say, say_as

NOBODY = "00000000-0000-0000-0000-000000000000"  # a cluster that has no id yet
_FSYNC, _STATVFS = "fsync@openssh.com", "statvfs@openssh.com"


class Directory:
    """`place`: the server, as it is named in a sentence. `path`: as the operator wrote it.

    `cluster_id`: whose visit it is, so that what is left of it is known to be this cluster's.
    """

    def __init__(
        self, session: Session, guardian: Guardian, place: str, path: str, cluster_id: str
    ) -> None:
        self.session, self._guardian = session, guardian
        self.place, self.path, self.cluster_id = place, path, cluster_id

    def at(self, name: str) -> str:
        """The path of a file in it. Raises `Refused` sftp.name."""
        if not name or name in {".", ".."} or "/" in name or not name.isprintable():
            raise failures.bad_name(name)
        return f"{self.path.rstrip('/')}/{name}" if self.path else name

    @contextmanager
    def doing(
        self,
        what: str,
        *,
        left: str = UNTOUCHED,
        when_cut: str = "",
        needed: Callable[[], int] = lambda: 0,
    ) -> Iterator[None]:
        """What goes wrong inside the block, as the refusal that an operator can act on.

        Args:
            what: continues "while": "writing x".
            left: a sentence on what is there when it fails.
            when_cut: the same when it ends without an answer; "": as `left`.
            needed: bytes that are still to be written, asked at a failure.

        Raises:
            Refused: sftp.gone, sftp.denied, sftp.full, sftp.failed; sftp.cut, sftp.silent,
                sftp.time; sftp.here.
            Cancelled.
        """
        doing = Doing(self.place, what, left)
        try:
            try:
                yield
            except StatusError as error:
                raise self._explained(error, doing, needed()) from error
        except (LineError, WireError) as error:
            cut = Doing(self.place, what, when_cut or left)
            raise failures.line(error, self._guardian, cut) from error
        except OSError as error:  # of a file on this side: those of the line are LineError
            raise failures.not_kept_here(doing, error) from error

    def _explained(self, error: StatusError, doing: Doing, needed: int) -> Exception:
        """Ask the server for what it did not say."""
        if error.code == Code.NO_SUCH_FILE and self._is_gone():
            return failures.folder_gone(doing, self.path)
        self._ask_space(error)
        return failures.status(error, doing, needed)

    def _is_gone(self) -> bool:
        """The directory itself; one that may not be looked at is there."""
        with suppress(StatusError):
            return self._about(Kind.STAT, self.path or ".") is None
        return False

    def _ask_space(self, error: StatusError) -> None:
        """Once, and before anything is removed: a disk that was full is none any more."""
        with suppress(StatusError):
            error.space = error.space or self._space()

    def enter(self) -> None:
        """See that it is there.

        Raises:
            Refused: sftp.folder-missing, sftp.folder-denied.
        """
        with self.doing(say("looking for {name}", name=repr(self.path))):
            try:
                about = self._about(Kind.STAT, self.path or ".")
            except StatusError as error:
                if error.code == Code.PERMISSION_DENIED:
                    raise failures.folder_denied(
                        self.place, self.path, say_as("a right", "enter")
                    ) from error
                raise
            if about is None:
                raise failures.folder_missing(self.place, self.path)
            if not about.is_folder:
                raise failures.no_folder(self.place, self.path)

    def about(self, name: str) -> Attributes | None:
        """Of the name itself, if it is a link; None: there is none. Raises `StatusError`."""
        return self._about(Kind.LSTAT, self.at(name))

    def _about(self, kind: Kind, path: str) -> Attributes | None:
        try:
            return self.session.call(kind, wire.text(path), Kind.ATTRS).attributes()
        except StatusError as error:
            if error.code == Code.NO_SUCH_FILE:
                return None
            raise

    def about_open(self, handle: bytes) -> Attributes:
        """Of an open file. Raises `StatusError`."""
        return self.session.call(Kind.FSTAT, wire.text(handle), Kind.ATTRS).attributes()

    def entries(self) -> list[RemoteFile]:
        """What is in it. Raises `Refused` sftp.crowded, sftp.folder-denied."""
        with self.doing(say("listing {directory}", directory=repr(self.path))):
            try:
                handle = self._handle(Kind.OPENDIR, wire.text(self.path or "."))
            except StatusError as error:
                if error.code == Code.PERMISSION_DENIED:
                    raise failures.folder_denied(
                        self.place, self.path, say_as("a right", "list")
                    ) from error
                raise
            with self._closed(handle):
                found = collected(self._listed(handle))
                if found is None:
                    raise failures.crowded(self.place, self.path, MOST_ENTRIES)
        return found

    def _listed(self, handle: bytes) -> Iterator[wire.Listed]:
        while True:
            try:
                reply = self.session.call(Kind.READDIR, wire.text(handle), Kind.NAME)
            except StatusError as error:
                if error.code == Code.EOF:
                    return
                raise
            some = wire.listed(reply)
            if not some:
                raise WireError(say("a part of a listing is empty"))
            yield from some

    @contextmanager
    def file(self, name: str, how: Open = Open.READ) -> Iterator[bytes]:
        """The handle of a file that is there; it is closed at the end. Raises `StatusError`."""
        handle = self._handle(Kind.OPEN, wire.open_file(self.at(name), how))
        with self._closed(handle):
            yield handle

    @contextmanager
    def new_file(self, name: str) -> Iterator[bytes]:
        """The handle of a file that is made, to write and read; it goes when the block fails.

        Raises:
            StatusError: FAILURE where the name is taken.
        """
        how = Open.READ | Open.WRITE | Open.CREATE | Open.EXCLUSIVE
        handle = self._handle(Kind.OPEN, wire.open_file(self.at(name), how))
        with self.removed_on_failure(name), self._closed(handle):
            yield handle

    @contextmanager
    def removed_on_failure(self, name: str) -> Iterator[None]:
        """What was made and not finished goes away, unless the line is cut: then `sweep` finds it.

        Raises:
            StatusError, Refused, OSError: as they came.
        """
        try:
            yield
        except (StatusError, Refused, OSError):
            with suppress(StatusError):
                self.remove(name)
            raise

    @contextmanager
    def _closed(self, handle: bytes) -> Iterator[None]:
        """At the end of the block; what a server writes late fails here at the latest."""
        try:
            yield
        except (StatusError, Refused, OSError) as error:
            if isinstance(error, StatusError):
                self._ask_space(error)
            with suppress(StatusError):  # open, it would keep its bytes after its name is gone
                self._close(handle)
            raise
        self._close(handle)

    def _handle(self, kind: Kind, body: bytes) -> bytes:
        return bytes(self.session.call(kind, body, Kind.HANDLE).text())

    def _close(self, handle: bytes) -> None:
        self.session.call(Kind.CLOSE, wire.text(handle))

    def sync(self, handle: bytes) -> None:
        """Onto the disk, where the server offers that. Raises `StatusError`."""
        if _FSYNC in self.session.extensions:
            self.session.extended(_FSYNC, wire.text(handle))

    def write_small(self, handle: bytes, data: bytes) -> Attributes:
        """Write at the beginning of an open file; what the server says of it then.

        Raises:
            StatusError.
        """
        self.session.call(Kind.WRITE, wire.write(handle, 0, data))
        self.sync(handle)
        return self.about_open(handle)

    def read_small(self, name: str, most: int) -> bytes:
        """The beginning of `name`, at most `most` bytes. Raises `StatusError`."""
        with self.file(name) as handle:
            try:
                body = wire.read(handle, 0, most)
                data = self.session.call(Kind.READ, body, Kind.DATA).text()
            except StatusError as error:
                if error.code != Code.EOF:
                    raise
                return b""
            return bytes(data[:most])

    def rename(self, old: str, new: str) -> None:
        """To a name that is free: version 3 overwrites nothing. Raises `StatusError`."""
        self.session.call(Kind.RENAME, wire.text(self.at(old)) + wire.text(self.at(new)))

    def remove(self, name: str) -> None:
        """One that is gone is as good as removed. Raises `StatusError`."""
        try:
            self.session.call(Kind.REMOVE, wire.text(self.at(name)))
        except StatusError as error:
            if error.code != Code.NO_SUCH_FILE or self._is_gone():
                raise

    def free_space(self) -> int | None:
        """Bytes that may still be written; None: the server does not tell."""
        with self.doing(say("asking for free space")):
            space = self._space()
        return space.free if space else None

    def _space(self) -> DiskSpace | None:
        if _STATVFS not in self.session.extensions:
            return None
        path = wire.text(self.path or ".")
        return wire.disk_space(self.session.extended(_STATVFS, path, Kind.EXTENDED_REPLY))

    def probe(self) -> datetime:
        """Make a file and remove it. The server's time.

        Raises:
            Refused: sftp.folder-denied, and those of `doing`.
        """
        name = new_part(self.cluster_id)
        with self.doing(say("writing a probe in {directory}", directory=repr(self.path))):
            try:
                with self.new_file(name) as handle:
                    about = self.write_small(handle, b"probe\n")
            except StatusError as error:
                if error.code == Code.PERMISSION_DENIED:
                    raise failures.folder_denied(
                        self.place, self.path, say_as("a right", "write in")
                    ) from error
                raise
            self.remove(name)
        return when(about)


def new_part(cluster_id: str) -> str:
    """A name that nobody has used."""
    return part_name(cluster_id, secrets.token_hex(8))
