"""The newest code of the audit log, in a file outside the database.

Whoever cuts the tail of the log, or puts back an older database, can't change this file as well
by the same means. It never goes back.
"""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from certificates.local_files import locked, make_folder, replace


@dataclass(frozen=True, slots=True)
class Anchor:
    sequence: int
    code: str

    def to_text(self) -> bytes:
        """The content of the file."""
        return f"{self.sequence} {self.code}\n".encode()


def read() -> Anchor | None:
    """None: there is no anchor file. Raises `ValueError` when its content is not one."""
    try:
        text = _path().read_text()
    except FileNotFoundError:
        return None
    return parse_anchor(text)


def parse_anchor(text: str) -> Anchor:
    """The content of an anchor file. Raises `ValueError`."""
    sequence, code = text.split()  # ValueError: not two words
    return Anchor(int(sequence), code)


def put(to: Anchor) -> None:
    """Write it whatever was there: only for a database that was just put back."""
    path = _path()
    make_folder(path.parent)
    with locked(path.with_name(f"{path.name}.lock")):
        replace(path, to.to_text())


def advance(sequence: int, code: str) -> None:
    """Move the anchor to a newer event; an older one leaves it as it is."""
    path = _path()
    make_folder(path.parent)
    with locked(path.with_name(f"{path.name}.lock")):
        now = read()
        if now is None or now.sequence < sequence:
            replace(path, Anchor(sequence, code).to_text())


def _path() -> Path:
    return Path(settings.CCXSEC_AUDIT_ANCHOR)
