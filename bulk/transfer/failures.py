"""What goes wrong with the server, each with its sentence and its cure.

The server says little: "failure" stands for a full disk, a name that is taken, a folder. paramiko
says less: a cut line is one of five exceptions, some without a word. So what was being done makes
the sentence, and what the server says when it is asked afterwards.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bulk.transfer.guardian import Cancelled, Guardian, Why
from bulk.transfer.pipeline import LineError, StatusError
from bulk.transfer.wire import Code, WireError
from certificates.reach import ssh
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

UNTOUCHED = say("Nothing was changed there.")
_LEAST_FREE = 64 * 1024  # bytes: with less, a disk is full whatever is to be written
_LINE_CURE = say("Look at the network between the two servers, then try again.")


class HostKeyChanged(Refused):
    """`offered`: the fingerprint of the key that the server shows, not the pinned one."""

    def __init__(self, code: str, sentence: str, cure: str, *, offered: str) -> None:
        super().__init__(code, sentence, cure)
        self.offered = offered


@dataclass(frozen=True, slots=True)
class Doing:
    """What is done, where.

    `what` continues "while": "writing x". `left`: a sentence on what is there when it fails.
    """

    place: str
    what: str
    left: str = UNTOUCHED


@contextmanager
def connecting(target: ssh.Target, guardian: Guardian) -> Iterator[None]:
    """Until SFTP has begun.

    Raises:
        Refused: sftp.forbidden, sftp.unreachable, sftp.host-key-changed, sftp.login, sftp.no-sftp,
            and those of `line`.
        Cancelled.
    """
    try:
        yield
    except ssh.ForbiddenPlaceError as error:
        wrong = say("{error}: that is an address to which no connection is made.", error=error)
        raise Refused(
            "sftp.forbidden", wrong, say("Give the SFTP server's own address.")
        ) from error
    except ssh.HostKeyChangedError as error:
        offered = error.offered.fingerprint
        wrong = say(
            "{target} shows the host key {offered}, not the pinned one.",
            target=target,
            offered=offered,
        )
        cure = say("Nothing was sent, no password either. Find out why before anything else.")
        raise HostKeyChanged("sftp.host-key-changed", wrong, cure, offered=offered) from error
    except ssh.LoginRefusedError as error:
        cure = say("Correct the user ID, or give its password or key anew.")
        raise Refused("sftp.login", say("{error}.", error=error), cure) from error
    except ssh.NoSubsystemError as error:
        wrong = say("{target} lets this user sign in, and offers no SFTP.", target=target)
        cure = say("Switch SFTP on there (OpenSSH: Subsystem sftp internal-sftp).")
        raise Refused("sftp.no-sftp", wrong, cure) from error
    except ssh.NoAnswerError as error:
        raise _unreachable(target, guardian, error) from error
    except (LineError, WireError) as error:
        raise line(error, guardian, Doing(str(target), say("beginning SFTP"))) from error


def _unreachable(
    target: ssh.Target, guardian: Guardian, error: ssh.NoAnswerError
) -> Refused | Cancelled:
    if guardian.why:
        return line(LineError(str(error)), guardian, Doing(str(target), say("connecting")))
    wrong = say(
        "{target} can't be reached, {error}.", target=target, error=visible(str(error))[:300]
    )
    cure = say(
        "Look whether host and port are right, its SSH server runs, and nothing is in between."
    )
    return Refused("sftp.unreachable", wrong, cure)


def line(error: LineError | WireError, guardian: Guardian, doing: Doing) -> Refused | Cancelled:
    """The connection is over: what the guardian did, or the server, or the line."""
    place, what, left = doing.place, doing.what, doing.left
    if guardian.why is Why.STOPPED:
        return Cancelled(f"Cancelled while {what}. {left}")
    if guardian.why is Why.SILENT:
        wrong = say(
            "{place} gave no answer for {patience} seconds while {what}. {left}",
            place=place,
            patience=f"{guardian.patience:g}",
            what=what,
            left=left,
        )
        return Refused("sftp.silent", wrong, _LINE_CURE)
    if guardian.why is Why.TIME:
        wrong = say(
            "{limit} seconds were not enough: they ended while {what}. {left}",
            limit=f"{guardian.limit:g}",
            what=what,
            left=left,
        )
        return Refused("sftp.time", wrong, say("Try again when the line to the server is faster."))
    if guardian.why is Why.FLOOD or isinstance(error, WireError):
        said = str(error) or say("it sends what nobody asked for")
        wrong = say(
            "{place} does not keep to SFTP, {said}, while {what}. {left}",
            place=place,
            said=said,
            what=what,
            left=left,
        )
        return Refused(
            "sftp.failed",
            wrong,
            say("Look at what answers there: a login shell that prints something does the like."),
        )
    said = f" ({visible(str(error))[:200]})" if str(error) else ""
    wrong = say(
        "The connection to {place} was cut while {what}{said}. {left}",
        place=place,
        what=what,
        said=said,
        left=left,
    )
    return Refused("sftp.cut", wrong, _LINE_CURE)


def folder_missing(place: str, directory: str) -> Refused:
    """It is not there when the connection begins."""
    wrong = say("{place} has no directory {directory}.", place=place, directory=repr(directory))
    return Refused("sftp.folder-missing", wrong, say("Make it there, or correct its name."))


def no_folder(place: str, directory: str) -> Refused:
    """Its name is that of something else."""
    wrong = say("{directory} on {place} is no directory.", directory=repr(directory), place=place)
    return Refused(
        "sftp.folder-missing", wrong, say("Give the directory in which the exports lie.")
    )


def folder_denied(place: str, directory: str, what: str) -> Refused:
    """`what` may not be done in it: "list", "write in"."""
    wrong = say(
        "{place} does not let this user {what} {directory}.",
        place=place,
        what=what,
        directory=repr(directory),
    )
    return Refused(
        "sftp.folder-denied", wrong, say("Give the user the right to read and write there.")
    )


def folder_gone(doing: Doing, directory: str) -> Refused:
    """It was there when the connection began."""
    wrong = say(
        "The directory {directory} on {place} vanished while {what}.",
        directory=repr(directory),
        place=doing.place,
        what=doing.what,
    )
    return Refused(
        "sftp.gone", wrong, say("Find out who removed it; make it again, then try again.")
    )


def status(error: StatusError, doing: Doing, needed: int = 0) -> Refused:
    """The server refuses one request; the connection goes on.

    Args:
        needed: bytes that were still to be written.
    """
    space, place, what, left = error.space, doing.place, doing.what, doing.left
    said = visible(error.said)[:200].strip() or say("no reason")
    if error.code == Code.NO_SUCH_FILE:
        wrong = say(
            "The file was gone from {place} while {what}. {left}", place=place, what=what, left=left
        )
        return Refused("sftp.gone", wrong, say("Somebody else works there; look again."))
    if space and space.is_read_only:
        wrong = say(
            "The disk of {place} can only be read, not written, found while {what}. {left}",
            place=place,
            what=what,
            left=left,
        )
        return Refused("sftp.denied", wrong, say("Make it writable there, then try again."))
    if error.code == Code.PERMISSION_DENIED:
        wrong = say(
            "{place} denied the right to it while {what}. {left}", place=place, what=what, left=left
        )
        return Refused("sftp.denied", wrong, say("Correct owner and rights there, then try again."))
    if space and (space.free < max(needed, _LEAST_FREE) or not space.free_names):
        wrong = say(
            "The disk of {place} is full, {free} bytes are free, while {what}. {left}",
            place=place,
            free=f"{space.free:,}",
            what=what,
            left=left,
        )
        return Refused("sftp.full", wrong, say("Free space there, then try again."))
    wrong = say(
        "{place} refused while {what}, it says {said}. {left}",
        place=place,
        what=what,
        said=repr(said),
        left=left,
    )
    cure = say(
        "Look at its log, at quotas of the user, and at the space that is free; then try again."
    )
    return Refused("sftp.failed", wrong, cure)


def taken(place: str, name: str) -> Refused:
    """Somebody else published under this name; theirs stays."""
    wrong = say("{name} is on {place} already, and nothing is overwritten.", name=name, place=place)
    return Refused("sftp.taken", wrong, say("Look again at what is there, then try again."))


def differs(place: str, name: str) -> Refused:
    """What the server gives back is not what was written."""
    wrong = say(
        "{place} gives back other bytes than were written to {name}. It was not published.",
        place=place,
        name=name,
    )
    return Refused("sftp.differs", wrong, say("Look at its disk and its log, then try again."))


def too_large(name: str, size: int, most: int) -> Refused:
    """More than the reader is ready to take."""
    wrong = say(
        "{name} has {size} bytes, and {most} are the most that is read.",
        name=name,
        size=f"{size:,}",
        most=f"{most:,}",
    )
    return Refused("sftp.large", wrong, say("Remove it there, or ask its owner what it is."))


def no_file(name: str) -> Refused:
    """A link or a device would lead elsewhere; nothing is read through it."""
    wrong = say("{name} is no regular file.", name=name)
    return Refused(
        "sftp.no-file", wrong, say("Links and folders are not followed; put the file there.")
    )


def changed(name: str) -> Refused:
    """Somebody writes to it."""
    wrong = say("{name} changed while it was read.", name=name)
    return Refused("sftp.changed", wrong, say("Try again when nobody writes to it."))


def crowded(place: str, directory: str, most: int) -> Refused:
    """Nobody reads so long a list."""
    wrong = say(
        "{directory} on {place} holds more than {most} files.",
        directory=repr(directory),
        place=place,
        most=f"{most:,}",
    )
    return Refused("sftp.crowded", wrong, say("Use a directory for the exchange alone."))


def bad_name(name: str) -> Refused:
    """A path, or what no file can be called."""
    wrong = say("{name} is no name of a file in the directory.", name=repr(visible(name)[:100]))
    return Refused("sftp.name", wrong, say("Give a name without a slash."))


def not_kept_here(doing: Doing, error: OSError) -> Refused:
    """The trouble is on this side."""
    wrong = say(
        "This server failed while {what}: {reason}. {left}",
        what=doing.what,
        reason=error.strerror or error,
        left=doing.left,
    )
    return Refused("sftp.here", wrong, say("Look at this server's own disk, then try again."))


def locked(owner: str, until: str) -> Refused:
    """`until`: by the server's clock."""
    wrong = say(
        "{owner} works on the exports; its lock ends at {until} by the server's clock.",
        owner=owner,
        until=until,
    )
    return Refused("sftp.locked", wrong, say("Wait until it is done, then try again."))


def no_number_left(highest: int) -> Refused:
    """Nobody gets there by working: somebody wrote it by hand."""
    wrong = say(
        "A lock or a consolidated file bears the number {highest}, the highest that there is.",
        highest=highest,
    )
    cure = say("Find out who wrote it there; remove it, then try again.")
    return Refused("sftp.number", wrong, cure)


def lock_lost(number: int) -> Refused:
    """Somebody took over after the lock had ended."""
    wrong = say(
        "Lock {number} is not ours any more: its time ended, and another cluster took over.",
        number=number,
    )
    return Refused("sftp.lock-lost", wrong, say("Nothing was published. Try again."))
