"""The export of one cluster and service: a tar in gzip (docs/exchange-format.md).

The manifest comes first, then certificates and signatures of those who sign it, then the items in
the order of the manifest. So each step of reading bounds the next, and a wrong signature is found
before anything else is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from gzip import GzipFile
from hashlib import sha256
from typing import BinaryIO, cast

from bulk.exchange import limits
from bulk.exchange.identity import ClusterIdentity
from bulk.exchange.manifest import (
    MANIFEST,
    ExportManifest,
    ItemRole,
    ListedItem,
    item_file,
    manifest_bytes,
    read_manifest,
    refuse_long,
)
from bulk.exchange.signers import list_signers, read_signatures, write_signatures
from bulk.exchange.tar import BLOCK, TarReader, TarWriter, shown
from bulk.exchange.unpacking import AGAIN, Readable, Unpacked
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.signing import Signer

__all__ = ["Export", "ExportManifest", "Item", "ItemRole", "read_export", "write_export"]

_FEWER = say("Export fewer certificates: delete those that no node needs any more.")


@dataclass(frozen=True, slots=True)
class Item:
    """One certificate. `pem` is whatever its cluster wrote: it is judged where it is imported."""

    pem: bytes
    role: ItemRole
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """What was read: whole, and signed by `keys`, the fingerprint of each service's key.

    Whether those are trusted is not said here.
    """

    manifest: ExportManifest
    keys: dict[str, str]
    items: tuple[Item, ...]


def write_export(
    target: BinaryIO,
    *,
    cluster: ClusterIdentity,
    service: str,
    number: int,
    made_at: datetime,
    items: Sequence[Item],
    signers: Sequence[Signer],
    product: str = "",
) -> ExportManifest:
    """Write an archive: the same one, byte for byte, for the same input (ECDSA signs anew).

    Args:
        number: of this export, higher than all before.
        made_at: aware; whole seconds are kept.
        product: name and version of what writes it.

    Raises:
        Refused: archive.size, archive.entries, archive.manifest, archive.signature. What is
            written so far is to be thrown away.
    """
    manifest = ExportManifest(
        cluster=cluster,
        service=service,
        number=number,
        made_at=made_at.astimezone(UTC).replace(microsecond=0),
        product=product,
        count=len(items),
        items=tuple(_listed(number, item) for number, item in enumerate(items, start=1)),
        signers=list_signers(signers),
    )
    signed = manifest_bytes(manifest)
    unpacked = len(signed) + sum(len(item.pem) + 2 * BLOCK for item in items)
    if unpacked > limits.EXPORT_UNPACKED - limits.MIB:
        wrong = say("The certificates have {size} bytes together.", size=f"{unpacked:,}")
        raise Refused("archive.size", wrong, _FEWER)
    counted = _Counted(target)
    with GzipFile(filename="", mode="wb", fileobj=cast("BinaryIO", counted), mtime=0) as packed:
        tar = TarWriter(cast("BinaryIO", packed), time=int(manifest.made_at.timestamp()))
        tar.add(MANIFEST, signed)
        write_signatures(tar, signers, signed)
        for listed, item in zip(manifest.items, items, strict=True):
            tar.add(listed.file, item.pem)
        tar.end()
    if counted.size > limits.EXPORT_PACKED:
        wrong = say(
            "The export has {size} bytes; {most} are allowed.",
            size=f"{counted.size:,}",
            most=f"{limits.EXPORT_PACKED:,}",
        )
        raise Refused("archive.size", wrong, _FEWER)
    return manifest


def _listed(number: int, item: Item) -> ListedItem:
    digest, size = sha256(item.pem).hexdigest(), len(item.pem)
    if size > limits.ITEM:
        wrong = say(
            "Certificate {number} has {size} bytes; {most} are allowed.",
            number=f"{number:,}",
            size=f"{size:,}",
            most=f"{limits.ITEM:,}",
        )
        raise Refused("archive.size", wrong, _FEWER)
    return ListedItem(item_file(number), digest, size, item.role, item.nodes)


class _Counted:
    """What is written, and how much."""

    def __init__(self, target: BinaryIO) -> None:
        self._target, self.size = target, 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()


def read_export(source: Readable) -> Export:
    """Read an archive to its end, checking form, limits, names, hashes, count and signatures.

    Args:
        source: read forwards only, in small steps; at its start.

    Raises:
        Refused: archive.form, archive.entry, archive.size, archive.entries, archive.manifest,
            archive.version, archive.hash, archive.count, archive.signature.
    """
    tar = TarReader(Unpacked(source))
    data = manifest_of(tar)
    manifest = read_manifest(data)
    keys = read_signatures(tar, manifest.signers, data)
    items = tuple(_item(tar, listed, manifest.count) for listed in manifest.items)
    refuse_more(tar)
    return Export(manifest, keys, items)


def manifest_of(tar: TarReader) -> bytes:
    """The first file of the archive."""
    entry = tar.next()
    if entry is None or entry.name != MANIFEST:
        first = say("nothing") if entry is None else shown(entry.name)
        wrong = say(
            "The archive begins with {first}, not with {manifest}.", first=first, manifest=MANIFEST
        )
        raise Refused("archive.manifest", wrong, AGAIN)
    refuse_long(entry.size)
    return tar.read(entry.size)


def _item(tar: TarReader, listed: ListedItem, count: int) -> Item:
    entry = tar.next()
    if entry is None:
        wrong = say(
            "The manifest lists {count} certificates; the archive ends before {file}.",
            count=f"{count:,}",
            file=listed.file,
        )
        raise Refused("archive.count", wrong, AGAIN)
    if entry.name != listed.file:
        wrong = say(
            "The archive has {name} where its manifest has {file}.",
            name=shown(entry.name),
            file=listed.file,
        )
        raise Refused("archive.entry", wrong, AGAIN)
    if entry.size != listed.size:
        wrong = say(
            "{file} has {size} bytes; its manifest says {listed_size}.",
            file=listed.file,
            size=f"{entry.size:,}",
            listed_size=f"{listed.size:,}",
        )
        raise Refused("archive.hash", wrong, AGAIN)
    pem = tar.read(entry.size)
    if sha256(pem).hexdigest() != listed.sha256:
        wrong = say(
            "{file} was changed: its SHA-256 is not that of the manifest.", file=listed.file
        )
        raise Refused("archive.hash", wrong, AGAIN)
    return Item(pem, listed.role, listed.nodes)


def refuse_more(tar: TarReader) -> None:
    """Anything behind what the manifest lists."""
    entry = tar.next()
    if entry is not None:
        wrong = say("{name} in the archive is not in its manifest.", name=shown(entry.name))
        raise Refused("archive.entry", wrong, AGAIN)
