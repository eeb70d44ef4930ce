"""The exports of several clusters in one tar, byte for byte as they were found.

Each export proves itself by its own signatures; whoever consolidated signs only which exports there
are. One that is bad stops no other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from bulk.exchange import limits
from bulk.exchange.consolidated_manifest import (
    ConsolidatedManifest,
    ListedExport,
    manifest_bytes,
    read_manifest,
)
from bulk.exchange.export import Export, manifest_of, read_export, refuse_more
from bulk.exchange.identity import ClusterIdentity
from bulk.exchange.manifest import MANIFEST, ExportManifest
from bulk.exchange.signers import list_signers, read_signatures, write_signatures
from bulk.exchange.tar import BLOCK, TarReader, TarWriter, shown
from bulk.exchange.unpacking import AGAIN, Readable
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.signing import Signer

__all__ = [
    "Consolidated",
    "ConsolidatedManifest",
    "Included",
    "IncludedExport",
    "Opened",
    "open_consolidated",
    "read_consolidated",
    "write_consolidated",
]

_STEP = 256 * 1024


@dataclass(frozen=True, slots=True)
class Included:
    """An export to be put in: its name on the server, its bytes on disk, what it says of itself."""

    file: str
    path: Path
    manifest: ExportManifest


@dataclass(frozen=True, slots=True)
class IncludedExport:
    """An export as it was found in the file: read, or refused."""

    listed: ListedExport
    export: Export | Refused

    @property
    def file(self) -> str:
        return self.listed.file


@dataclass(frozen=True, slots=True)
class Consolidated:
    """`keys` are those of whoever consolidated; each export has its own."""

    manifest: ConsolidatedManifest
    keys: dict[str, str]
    exports: tuple[IncludedExport, ...]


def write_consolidated(
    target: BinaryIO,
    *,
    cluster: ClusterIdentity,
    number: int,
    made_at: datetime,
    exports: Sequence[Included],
    signers: Sequence[Signer],
    product: str = "",
) -> ConsolidatedManifest:
    """Write the file; the same one, byte for byte, for the same input (ECDSA signs anew).

    Args:
        cluster: who consolidates.
        number: of the lock on the server, under which it is done.
        made_at: aware; whole seconds are kept.

    Raises:
        Refused: archive.size, archive.entries, archive.manifest, archive.signature.
        OSError: the bytes of an export can't be read.
    """
    manifest = ConsolidatedManifest(
        cluster=cluster,
        number=number,
        made_at=made_at.astimezone(UTC).replace(microsecond=0),
        product=product,
        exports=tuple(_listed(export) for export in exports),
        signers=list_signers(signers),
    )
    signed = manifest_bytes(manifest)
    size = len(signed) + sum(listed.size + 2 * BLOCK for listed in manifest.exports)
    if size > limits.CONSOLIDATED - limits.MIB:
        wrong = say(
            "The exports have {size} bytes together; {most} are allowed.",
            size=f"{size:,}",
            most=f"{limits.CONSOLIDATED:,}",
        )
        cure = say("Remove the exports of clusters that take no part any more from the directory.")
        raise Refused("archive.size", wrong, cure)
    tar = TarWriter(target, time=int(manifest.made_at.timestamp()))
    tar.add(MANIFEST, signed)
    write_signatures(tar, signers, signed)
    for listed, export in zip(manifest.exports, exports, strict=True):
        tar.stream(listed.file, listed.size, _parts(export.path))
    tar.end()
    return manifest


def _listed(export: Included) -> ListedExport:
    digest, size = sha256(), 0
    for part in _parts(export.path):
        digest.update(part)
        size += len(part)
    found = export.manifest
    return ListedExport(
        file=export.file,
        sha256=digest.hexdigest(),
        size=size,
        cluster=found.cluster,
        service=found.service,
        number=found.number,
        made_at=found.made_at,
        count=found.count,
    )


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_STEP):
            yield part


class Opened:
    """A consolidated file whose manifest was read, and its signatures checked.

    `exports` then reads them one by one, so that no more than one is in memory.
    """

    def __init__(self, source: Readable) -> None:
        self._tar = TarReader(_Bounded(source))
        data = manifest_of(self._tar)
        self.manifest = read_manifest(data)
        self.keys = read_signatures(self._tar, self.manifest.signers, data)

    def exports(self) -> Iterator[IncludedExport]:
        """Once, to the end of the file.

        Raises:
            Refused: archive.form, archive.entry, archive.count, archive.size: the file itself.
        """
        for listed in self.manifest.exports:
            entry = self._tar.next()
            if entry is None:
                wrong = say("The consolidated file ends before {file}.", file=listed.file)
                raise Refused("archive.count", wrong, _CONSOLIDATE)
            if entry.name != listed.file:
                wrong = say(
                    "The file has {name} where its manifest has {file}.",
                    name=shown(entry.name),
                    file=listed.file,
                )
                raise Refused("archive.entry", wrong, _CONSOLIDATE)
            yield IncludedExport(listed, _included(self._tar, listed, entry.size))
        refuse_more(self._tar)


_CONSOLIDATE = say("Consolidate again.")


def open_consolidated(source: Readable) -> Opened:
    """Begin to read; the exports follow one by one.

    Raises:
        Refused: archive.form, archive.entry, archive.size, archive.entries, archive.manifest,
            archive.version, archive.signature.
    """
    return Opened(source)


def read_consolidated(source: Readable) -> Consolidated:
    """Read all of it at once.

    Raises:
        Refused: as `open_consolidated` and `Opened.exports`. What is wrong with one export alone
            stands in its place.
    """
    opened = open_consolidated(source)
    found, kept = [], 0
    for included in opened.exports():
        size = _size(included.export)
        if kept + size > limits.KEPT:
            wrong = say(
                "With {file} the exports unpack to more than {most} bytes.",
                file=included.file,
                most=f"{limits.KEPT:,}",
            )
            refused = Refused("archive.size", wrong, say("Consolidate fewer exports at once."))
            found.append(IncludedExport(included.listed, refused))
        else:
            kept += size
            found.append(included)
    return Consolidated(opened.manifest, opened.keys, tuple(found))


def _size(export: Export | Refused) -> int:
    """What it takes in memory, roughly."""
    if isinstance(export, Refused):
        return 0
    return sum(len(item.pem) + 2 * BLOCK for item in export.items)


class _Bounded:
    """A source that may not go on for ever."""

    def __init__(self, source: Readable) -> None:
        self._source, self._size = source, 0

    def read(self, size: int, /) -> bytes:
        found = self._source.read(size)
        self._size += len(found)
        if self._size > limits.CONSOLIDATED:
            wrong = say(
                "The consolidated file has more than {most} bytes.",
                most=f"{limits.CONSOLIDATED:,}",
            )
            raise Refused("archive.size", wrong, _CONSOLIDATE)
        return found


class _Hashed:
    """The entry of a tar, hashed as it is read."""

    def __init__(self, tar: TarReader) -> None:
        self._tar, self._digest = tar, sha256()

    def read(self, size: int, /) -> bytes:
        found = self._tar.read(size)
        self._digest.update(found)
        return found

    def hexdigest(self) -> str:
        """Of the whole entry, whatever of it was read before."""
        while self.read(_STEP):
            pass
        return self._digest.hexdigest()


def _included(tar: TarReader, listed: ListedExport, size: int) -> Export | Refused:
    source = _Hashed(tar)
    found = _export_or_refused(source)
    if size != listed.size or source.hexdigest() != listed.sha256:
        wrong = say(
            "{file} in the consolidated file was changed: its SHA-256 is another.", file=listed.file
        )
        return Refused("archive.hash", wrong, _CONSOLIDATE)
    if isinstance(found, Export) and not listed.fits(found.manifest):
        wrong = say("{file} says otherwise of itself than the consolidated file.", file=listed.file)
        return Refused("archive.manifest", wrong, AGAIN)
    return found


def _export_or_refused(source: Readable) -> Export | Refused:
    try:
        return read_export(source)
    except Refused as refused:
        return refused
