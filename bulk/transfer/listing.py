"""What a listing of the directory says, however long it is and whatever the names hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from bulk.transfer.wire import Attributes, Listed, WireError
from certificates.sentence import say
from certificates.x509.visible import visible

MOST_ENTRIES = 20_000
_MOST_BYTES = 2**24  # of the names, whatever their number
_EACH = 32  # bytes that an entry counts beside its name


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """What a listing says of one name; links are not followed.

    `name`: what is not UTF-8, or invisible, is shown as an escape; such a name is none of ours.
    `modified_at`: by the server's clock.
    """

    name: str
    size: int
    modified_at: datetime
    is_file: bool


def collected(entries: Iterable[Listed]) -> list[RemoteFile] | None:
    """All of them but the directory itself and the one above; None: more than `MOST_ENTRIES`.

    Raises:
        WireError: a name is a path.
    """
    found: list[RemoteFile] = []
    seen = 0
    for one in entries:
        if one.name in {b".", b".."}:
            continue
        seen += len(one.name) + _EACH
        if len(found) == MOST_ENTRIES or seen > _MOST_BYTES:
            return None
        found.append(_remote_file(one))
    return found


def when(about: Attributes) -> datetime:
    """The time of its last change, by the server's clock."""
    return datetime.fromtimestamp(about.modified or 0, UTC)


def _remote_file(listed: Listed) -> RemoteFile:
    if b"/" in listed.name:
        raise WireError(say("a name in a listing holds a slash"))
    about = listed.attributes
    name = visible(listed.name.decode("utf-8", "backslashreplace"))
    return RemoteFile(name, about.size or 0, when(about), about.is_file)
