"""What `cert import` reads: files, folders with all that is in them, bundles of any size."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO, cast

from certificates.operations.import_many import FileVerdict
from certificates.refusal import Finding, Refused
from certificates.x509.reading import NamedFile
from certificates.x509.uploads.foreign_der import Kind, kind_of
from certificates.x509.uploads.limits import CHAIN_BYTES
from certificates.x509.uploads.members import der_members, pem_members, refuse_keys_in

_USUAL_BYTES = 64 * 1024  # room for the most that may be costs more time than a usual file
_LINE_BYTES = 64 * 1024  # a longer line is taken in pieces
_PEM = b"-----BEGIN "


def content_of(file: BinaryIO) -> bytes:
    """One byte more than may be: what is too large is refused by the reading."""
    content = file.read(_USUAL_BYTES)
    if len(content) == _USUAL_BYTES:
        content += file.read(CHAIN_BYTES + 1 - _USUAL_BYTES)
    return content


@dataclass
class Sources:
    """Names and contents, one after the other; what can't be read at all has its verdict.

    Args:
        paths: files and folders; a folder stands for every file below it. Links to folders are
            not followed.
        is_bundle: each certificate of a file is one by itself, named by its place: `a.pem#3`.
            Files that no upload may have are always read so.

    `octets`: of the files that were begun. `unreadable` is complete when everything was taken.
    """

    paths: Sequence[Path]
    is_bundle: bool = False
    octets: int = 0
    files: int = 0
    bundles: set[str] = field(default_factory=set)  # names of files
    unreadable: list[FileVerdict] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Octets of everything, as far as it can be seen."""
        return sum(map(_size, self._all()))

    def is_member(self, name: str) -> bool:
        """Whether it is the name of one certificate of a bundle."""
        return name.rpartition("#")[0] in self.bundles

    def __iter__(self) -> Iterator[NamedFile]:
        for root in self.paths:
            for path in _files(root):
                yield from self._of(
                    path, str(path.relative_to(root)) if path != root else path.name
                )

    def _all(self) -> Iterator[Path]:
        return (path for root in self.paths for path in _files(root))

    def _of(self, path: Path, name: str) -> Iterator[NamedFile]:
        try:
            if path.is_dir() or not path.is_file():  # is_dir() tells nothing of a missing one
                path.stat()
                return
            self.files += 1
            with path.open("rb") as file:
                yield from self._contents(file, name)
        except OSError as error:
            wrong = f"It can't be read: {error.strerror}."
            self._tell(name, Finding("file.unreadable", wrong, "Look at its rights, and the disk."))
        except Refused as refused:
            self._tell(name, Finding(refused.code, refused.sentence, refused.cure))

    def _contents(self, file: BinaryIO, name: str) -> Iterator[NamedFile]:
        size = os.fstat(file.fileno()).st_size
        if not self.is_bundle and size <= CHAIN_BYTES:
            self.octets += size
            yield name, content_of(file)
            return
        self.bundles.add(name)
        refuse_keys_in(file)
        for number, member in enumerate(_members(file), start=1):
            self.octets += len(member)
            yield f"{name}#{number}", member

    def _tell(self, name: str, finding: Finding) -> None:
        self.unreadable.append(FileVerdict(name, (), (finding,)))


def _members(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    head = file.read(_USUAL_BYTES)
    file.seek(0)
    if _PEM in head or not head.startswith(b"0"):
        yield from pem_members(iter(partial(file.readline, _LINE_BYTES), b""))
        return
    with mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
        if len(mapped) <= CHAIN_BYTES and kind_of(mapped[:]) is not Kind.SIGNED_DATA:
            yield mapped[:]  # one certificate, or what the reading finds a word for
        else:
            yield from der_members(cast("bytes", mapped))  # sliced like bytes, and not copied


def _files(root: Path) -> Iterable[Path]:
    """Every file below a folder, in the order of the names; a file itself."""
    if not root.is_dir():
        yield root
        return
    for folder, below, names in os.walk(root):
        below.sort()
        yield from (Path(folder, name) for name in sorted(names))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
