"""A database or a disk that can't be used now: what it said, as a sentence with its cure.

The product needs no restart afterwards: each request and each task of the worker asks anew.
"""

import errno

from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)

from certificates.refusal import Refused
from certificates.sentence import say

OUR_OWN = (IntegrityError, DataError, ProgrammingError)  # errors of the code, not of the database
_EMPTY = ("no such table", 'relation "')
_FULL = ("disk is full", "No space left", "could not extend file")
_READ_ONLY = ("readonly", "read-only", "unable to open")
_BUSY = ("locked", "lock timeout", "deadlock", "statement timeout")
_BROKEN = ("malformed", "not a database", "disk I/O")
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)


def outage_of(error: BaseException | None) -> Refused | None:
    """What keeps the product from working, in words that anybody may read; None: a bug."""
    if isinstance(error, DatabaseError) and any(words in str(error) for words in _EMPTY):
        wrong = say(
            "The database is not set up: perhaps a backup is being put back at this moment."
        )
        return Refused("database.empty", wrong, say("Wait for its end, or run ./ccxsec up first."))
    if isinstance(error, DatabaseError | InterfaceError) and not isinstance(error, OUR_OWN):
        is_ours = type(error) is DatabaseError and not any(w in str(error) for w in _BROKEN)
        return None if is_ours else _of_database(str(error))  # Django raises the plain one itself
    if isinstance(error, OSError) and error.errno in _DISK:
        return _of_disk(error)
    return None


def _of_database(said: str) -> Refused:
    if any(words in said for words in _FULL):
        cure = say("Free space on its disk; then go on: nothing has to be restarted.")
        return Refused("database.full", say("The disk of the database is full."), cure)
    if any(words in said for words in _READ_ONLY):
        wrong = say(
            "The database is read-only at this moment: what is there can be seen, not changed."
        )
        cure = say("Give the product the right to write to it again; nothing has to be restarted.")
        return Refused("database.read-only", wrong, cure)
    if any(words in said for words in _BUSY):
        wrong = say("The database was busy with other changes for too long.")
        return Refused("database.busy", wrong, say("Try it again in a moment."))
    if any(words in said for words in _BROKEN):
        wrong = say("The database can't be read: its file or its disk is damaged.")
        return Refused("database.broken", wrong, say("Look at its disk; put its backup back."))
    wrong = say("The database can't be reached at this moment.")
    cure = say("Look whether it runs, then try again: nothing has to be restarted here.")
    return Refused("database.away", wrong, cure)


def _of_disk(error: OSError) -> Refused:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        wrong = say("The disk of the product's data folder is full.")
        return Refused("disk.full", wrong, say("Free space on it; then try again."))
    wrong = say("The disk of the product's data folder can't be written to.")
    return Refused("disk.trouble", wrong, say("Look at it and how it is mounted; then try again."))
