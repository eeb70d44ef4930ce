"""What an export says of itself: who made it, when, what is in it, who signed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bulk.exchange import limits
from bulk.exchange.fields import TIME_FORMAT, Fields, parsed, rendered, shown
from bulk.exchange.identity import ClusterIdentity
from bulk.exchange.names import HIGHEST_NUMBER, SERVICES, export_name, is_cluster_id
from bulk.exchange.signers import ListedSigner, as_json, read_listed
from bulk.exchange.unpacking import AGAIN
from certificates.refusal import Refused
from certificates.sentence import say

FORMAT, VERSION = "ccxsec-exchange", 1
MANIFEST = "manifest.json"


class ItemRole(StrEnum):
    """What a certificate is to its cluster: a server's own, or one of those that issued it."""

    IDENTITY = "identity"
    ISSUER = "issuer"


@dataclass(frozen=True, slots=True)
class ListedItem:
    """`sha256` of the file's bytes, in lower-case hexadecimal; `size` in bytes."""

    file: str
    sha256: str
    size: int
    role: ItemRole
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """`made_at`: UTC, whole seconds, by the clock of its cluster; `product`: what wrote it."""

    cluster: ClusterIdentity
    service: str
    number: int
    made_at: datetime
    product: str
    count: int
    items: tuple[ListedItem, ...]
    signers: tuple[ListedSigner, ...]

    @property
    def file_name(self) -> str:
        """What the file must be called on the server."""
        return export_name(self.service, self.cluster.cluster_id, self.number)


def item_file(number: int) -> str:
    """Where the item of that number stands in the archive, from 1 on."""
    return f"certificates/{number:05d}.pem"


def manifest_bytes(manifest: ExportManifest) -> bytes:
    """As it is signed. Raises `Refused` archive.* for what nobody could read back."""
    data = rendered(
        {
            "format": FORMAT,
            "version": VERSION,
            "product": manifest.product,
            "cluster": cluster_json(manifest.cluster),
            "service": manifest.service,
            "number": manifest.number,
            "made_at": manifest.made_at.strftime(TIME_FORMAT),
            "count": manifest.count,
            "items": [_item_json(item) for item in manifest.items],
            "signers": as_json(manifest.signers),
        }
    )
    refuse_long(len(data))
    if read_manifest(data) != manifest:
        raise ValueError("the manifest reads otherwise than it was meant")
    return data


def refuse_long(size: int) -> None:
    """Raises `Refused` archive.size for a manifest of more bytes than are read."""
    if size > limits.MANIFEST:
        wrong = say(
            "The manifest has {size} bytes; {most} are allowed.",
            size=f"{size:,}",
            most=f"{limits.MANIFEST:,}",
        )
        raise Refused("archive.size", wrong, say("Export fewer certificates at once."))


def cluster_json(cluster: ClusterIdentity) -> dict[str, Any]:
    """As it stands in a manifest."""
    return {"id": cluster.cluster_id, "name": cluster.name, "nodes": list(cluster.nodes)}


def _item_json(item: ListedItem) -> dict[str, Any]:
    return {
        "file": item.file,
        "sha256": item.sha256,
        "size": item.size,
        "role": item.role.value,
        "nodes": list(item.nodes),
    }


def read_manifest(data: bytes) -> ExportManifest:
    """Raises `Refused` archive.manifest, archive.version, archive.entries, archive.count."""
    content = parsed(data)
    refuse_other(content, FORMAT, VERSION)
    cluster = read_cluster(content.inner("cluster"))
    items = _items(content.rows("items"), cluster)
    count = content.number("count", most=limits.ITEMS)
    if count != len(items):
        wrong = say(
            'The manifest lists {count} certificates; its "count" is {said}.',
            count=f"{len(items):,}",
            said=f"{count:,}",
        )
        raise Refused("archive.count", wrong, AGAIN)
    return ExportManifest(
        cluster=cluster,
        service=content.one_of("service", SERVICES),
        number=content.number("number", most=HIGHEST_NUMBER),
        made_at=content.time("made_at"),
        product=content.text("product", shortest=0),
        count=count,
        items=items,
        signers=read_listed(content),
    )


def refuse_other(content: Fields, wanted: str, version: int) -> None:
    """Another format or version. Raises `Refused` archive.manifest, archive.version."""
    content.exactly("format", wanted)
    found = content.raw("version")
    if type(found) is not int or found < 1:
        content.refuse("version", f"{version}")
    if found != version:
        wrong = say(
            "The archive has version {found} of its format; version {version} is read.",
            found=shown(found),
            version=version,
        )
        cure = say(
            "Bring this product, or that of the cluster that wrote it, up to the newer version."
        )
        raise Refused("archive.version", wrong, cure)


def read_cluster(content: Fields) -> ClusterIdentity:
    """Raises `Refused` archive.manifest."""
    cluster_id = content.text("id")
    if not is_cluster_id(cluster_id):
        content.refuse("id", say("a UUID in lower case"))
    nodes = content.texts("nodes", most=limits.NODES)
    return ClusterIdentity(cluster_id, content.text("name"), nodes)


def _items(rows: Sequence[Fields], cluster: ClusterIdentity) -> tuple[ListedItem, ...]:
    if len(rows) > limits.ITEMS:
        wrong = say(
            "The manifest lists {count} certificates; {most} are allowed.",
            count=f"{len(rows):,}",
            most=f"{limits.ITEMS:,}",
        )
        raise Refused("archive.entries", wrong, say("Export fewer certificates at once."))
    known = set(cluster.nodes)
    found = []
    for number, row in enumerate(rows, start=1):
        nodes = row.texts("nodes", most=limits.NODES)
        if not known.issuperset(nodes):
            row.refuse("nodes", say("a list of nodes of the cluster"))
        found.append(
            ListedItem(
                file=row.exactly("file", item_file(number)),
                sha256=row.digest("sha256"),
                size=row.number("size", least=1, most=limits.ITEM),
                role=ItemRole(row.one_of("role", tuple(ItemRole))),
                nodes=nodes,
            )
        )
    return tuple(found)
