"""A lock on the server that needs no clock but the server's own, and no extension of SFTP.

The locks are numbered, and the highest number counts. Whoever finds it absent or ended writes
owner and lifetime to a part, and renames that to the next number: a plain rename overwrites
nothing, so one of several takers wins, and nobody ever sees a lock without its content. Nobody
touches the live lock of another, so a slow judge does no harm. The number never comes again: what
is published bears it, and the highest counts there, too.

A lock ends when its file is older than its lifetime. Its holder writes the same bytes into it
again to renew it, and the same number of bytes with a lifetime of 0 to give it back: at no moment
is anything else to be read there. A cluster takes over its own at once: it is what a run left that
died, as an installation never has two at work.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bulk.exchange.names import HIGHEST_NUMBER, ConsolidatedName, LockName, lock_name, read_name
from bulk.transfer import failures
from bulk.transfer.directory import Directory, new_part
from bulk.transfer.guardian import Cancelled
from bulk.transfer.listing import RemoteFile, when
from bulk.transfer.pipeline import StatusError
from bulk.transfer.wire import Open
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

_LONGEST = 4096  # bytes of a lock
_LONGEST_LIFETIME = timedelta(days=1)
_KEPT = 10  # numbers below one's own that stay, for whoever still judges by an old listing
_TRIES = 5  # against takers who are quicker, and give it back at once
_DIGITS = 6  # of a lifetime, so that each lock of an owner is as long as the other


@dataclass(frozen=True, slots=True)
class _Held:
    """What a lock says of itself; whoever wrote it is not believed further than a day."""

    owner: str
    cluster_id: str
    lifetime: timedelta
    since: datetime

    def ended(self, now: datetime) -> bool:
        """A clock that was set back by more than the lifetime makes no lock eternal."""
        return abs(now - self.since) >= self.lifetime


@dataclass(slots=True)
class Lock:
    """`number`: a fencing token, higher than any before it and than any consolidated file's."""

    number: int
    _directory: Directory = field(repr=False)
    _content: bytes = field(repr=False)
    _lifetime: timedelta
    _since: datetime

    def renew(self) -> None:
        """Hold it for another lifetime from now. Raises `Refused` sftp.lock-lost."""
        name = lock_name(self.number)
        with self._directory.doing(say("renewing {name}", name=name)):
            try:
                with self._directory.file(name, Open.READ | Open.WRITE) as handle:
                    since = when(self._directory.write_small(handle, self._content))
            except StatusError as error:
                raise failures.lock_lost(self.number) from error
        ended = since - self._since >= self._lifetime  # somebody may be about to take over
        self._since = since
        if ended:
            raise failures.lock_lost(self.number)
        self.check()

    def check(self) -> None:
        """See that nobody has taken over. Raises `Refused` sftp.lock-lost."""
        if _highest(self._directory.entries(), LockName) != self.number:
            raise failures.lock_lost(self.number)


@contextmanager
def locked(
    directory: Directory, owner: str, cluster_id: str, lifetime: timedelta
) -> Iterator[Lock]:
    """Hold the lock for as long as the block lasts, or its lifetime, which `renew` begins anew.

    Raises:
        Refused: sftp.locked, sftp.lock-lost, and those of `Directory.doing`.
    """
    lock = _taken(directory, owner, cluster_id, lifetime)
    try:
        yield lock
    finally:
        with suppress(Refused, Cancelled):  # it ends by itself
            _give_back(lock, owner, cluster_id)


def _taken(directory: Directory, owner: str, cluster_id: str, lifetime: timedelta) -> Lock:
    part, content = new_part(cluster_id), _content(owner, cluster_id, lifetime)
    with directory.doing(say("taking the lock")):
        with directory.new_file(part) as handle:
            now = when(directory.write_small(handle, content))
        with directory.removed_on_failure(part):
            number = _numbered(directory, part, cluster_id, now)
    lock = Lock(number, directory, content, lifetime, now)
    lock.check()
    _remove_old(directory, number)
    return lock


def _numbered(directory: Directory, part: str, cluster_id: str, now: datetime) -> int:
    """Give the part the next number, unless somebody holds the one before."""
    for _ in range(_TRIES):
        entries = directory.entries()
        _refuse_held(directory, entries, cluster_id, now)
        number = max(_highest(entries, LockName), _highest(entries, ConsolidatedName)) + 1
        if number > HIGHEST_NUMBER:
            raise failures.no_number_left(HIGHEST_NUMBER)
        try:
            directory.rename(part, lock_name(number))
        except StatusError:
            if directory.about(lock_name(number)) is None:
                raise
        else:
            return number
    raise failures.locked(say("Another cluster"), say("an unknown time"))


def _refuse_held(
    directory: Directory, entries: list[RemoteFile], cluster_id: str, now: datetime
) -> None:
    """One's own is what a run left that died: an installation has no two at once."""
    number = _highest(entries, LockName)
    file = next((one for one in entries if read_name(one.name) == LockName(number)), None)
    if file is None or not file.is_file:
        return
    try:
        content = directory.read_small(file.name, _LONGEST)
    except StatusError:
        content = b""
    held = _read(content, file.modified_at)
    if held.cluster_id != cluster_id and not held.ended(now):
        until = (held.since + held.lifetime).strftime("%Y-%m-%d %H:%M:%S UTC")
        raise failures.locked(held.owner, until)


def _content(owner: str, cluster_id: str, lifetime: timedelta) -> bytes:
    seconds = f"{int(lifetime.total_seconds()):>{_DIGITS}}"
    who = json.dumps({"owner": owner, "cluster_id": cluster_id}, separators=(",", ":"))
    return f'{who[:-1]},"lifetime":{seconds}}}\n'.encode()


def _read(content: bytes, since: datetime) -> _Held:
    """What can't be read holds for a day: it is somebody's, who is told to look."""
    try:
        told = json.loads(content)
        owner, who, seconds = str(told["owner"]), told["cluster_id"], int(told["lifetime"])
        lifetime = min(timedelta(seconds=max(0, min(seconds, 10**6))), _LONGEST_LIFETIME)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return _Held(say("Somebody whose lock can't be read"), "", _LONGEST_LIFETIME, since)
    return _Held(visible(owner)[:100] or say("A cluster without a name"), str(who), lifetime, since)


def _highest(entries: Iterable[RemoteFile], kind: type[LockName | ConsolidatedName]) -> int:
    names = (read_name(one.name) for one in entries)
    return max((name.number for name in names if isinstance(name, kind)), default=0)


def _remove_old(directory: Directory, number: int) -> None:
    with directory.doing(say("removing old locks")):
        for one in directory.entries():
            name = read_name(one.name)
            if isinstance(name, LockName) and name.number < number - _KEPT and one.is_file:
                with suppress(StatusError):  # another's, perhaps; it harms nobody
                    directory.remove(one.name)


def _give_back(lock: Lock, owner: str, cluster_id: str) -> None:
    directory = lock._directory  # noqa: SLF001 - of this module
    with directory.doing(say("giving the lock back")), suppress(StatusError):
        name = lock_name(lock.number)
        with directory.file(name, Open.READ | Open.WRITE) as handle:
            directory.write_small(handle, _content(owner, cluster_id, timedelta()))
