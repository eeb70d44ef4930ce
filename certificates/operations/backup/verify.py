"""Verify a backup: read and authenticate all of it, and see whether it hangs together (CM-10)."""

from collections.abc import Iterator
from typing import BinaryIO

from certificates.backup_format.chunks import read_chunks
from certificates.backup_format.header import read_header
from certificates.backup_format.keys import Opener, unwrap
from certificates.backup_format.lines import read_lines
from certificates.operations.backup.content import Part, read_parts
from certificates.operations.backup.examination import Examination, Verdict, examined


def open_backup(stream: BinaryIO, opener: Opener) -> tuple[Examination, Iterator[Part]]:
    """The examination and the parts that go through it, behind the manifest.

    Raises:
        Refused: backup.not-one, backup.version, backup.header, backup.cost, backup.lock,
            backup.passphrase, backup.identity; while reading backup.changed, backup.cut,
            backup.longer, backup.content.
    """
    header = read_header(stream)
    key = unwrap(header.locks, opener)
    return examined(read_parts(read_lines(read_chunks(stream, key, header.digest))))


def verify_backup(stream: BinaryIO, opener: Opener) -> Verdict:
    """Needs nothing of this machine but the program, and changes nothing.

    Raises:
        Refused: what `open_backup` raises.
    """
    examination, parts = open_backup(stream, opener)
    for _ in parts:
        pass
    return examination.verdict()
