"""What a consolidated file says of itself: who made it, and which exports are in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bulk.exchange import limits
from bulk.exchange.fields import TIME_FORMAT, Fields, parsed, rendered
from bulk.exchange.identity import ClusterIdentity
from bulk.exchange.manifest import (
    ExportManifest,
    cluster_json,
    read_cluster,
    refuse_long,
    refuse_other,
)
from bulk.exchange.names import (
    HIGHEST_NUMBER,
    SERVICES,
    consolidated_name,
    export_name,
)
from bulk.exchange.signers import ListedSigner, as_json, read_listed
from certificates.refusal import Refused
from certificates.sentence import say

FORMAT, VERSION = "ccxsec-consolidated", 1


@dataclass(frozen=True, slots=True)
class ListedExport:
    """An export as whoever consolidated found it; `sha256` and `size` are those of its bytes."""

    file: str
    sha256: str
    size: int
    cluster: ClusterIdentity
    service: str
    number: int
    made_at: datetime
    count: int

    def fits(self, manifest: ExportManifest) -> bool:
        """Whether the export says the same of itself."""
        said = (manifest.cluster, manifest.service, manifest.number, manifest.made_at)
        return (*said, manifest.count) == (
            self.cluster,
            self.service,
            self.number,
            self.made_at,
            self.count,
        )


@dataclass(frozen=True, slots=True)
class ConsolidatedManifest:
    """`cluster`: who consolidated; `made_at`: UTC, whole seconds, by its clock."""

    cluster: ClusterIdentity
    number: int
    made_at: datetime
    product: str
    exports: tuple[ListedExport, ...]
    signers: tuple[ListedSigner, ...]

    @property
    def file_name(self) -> str:
        """What the file must be called on the server."""
        return consolidated_name(self.number)


def manifest_bytes(manifest: ConsolidatedManifest) -> bytes:
    """As it is signed. Raises `Refused` archive.* for what nobody could read back."""
    data = rendered(
        {
            "format": FORMAT,
            "version": VERSION,
            "product": manifest.product,
            "cluster": cluster_json(manifest.cluster),
            "number": manifest.number,
            "made_at": manifest.made_at.strftime(TIME_FORMAT),
            "exports": [_export_json(export) for export in manifest.exports],
            "signers": as_json(manifest.signers),
        }
    )
    refuse_long(len(data))
    if read_manifest(data) != manifest:
        raise ValueError("the manifest reads otherwise than it was meant")
    return data


def _export_json(export: ListedExport) -> dict[str, Any]:
    return {
        "file": export.file,
        "sha256": export.sha256,
        "size": export.size,
        "cluster": cluster_json(export.cluster),
        "service": export.service,
        "number": export.number,
        "made_at": export.made_at.strftime(TIME_FORMAT),
        "count": export.count,
    }


def read_manifest(data: bytes) -> ConsolidatedManifest:
    """Raises `Refused` archive.manifest, archive.version, archive.entries, archive.signature."""
    content = parsed(data)
    refuse_other(content, FORMAT, VERSION)
    exports = _exports(content.rows("exports"))
    # Several of one cluster and service: whose signature counts is decided where they arrive.
    if len({export.file for export in exports}) < len(exports):
        content.refuse("exports", say("one entry for each file at most"))
    return ConsolidatedManifest(
        cluster=read_cluster(content.inner("cluster")),
        number=content.number("number", most=HIGHEST_NUMBER),
        made_at=content.time("made_at"),
        product=content.text("product", shortest=0),
        exports=exports,
        signers=read_listed(content),
    )


def _exports(rows: Sequence[Fields]) -> tuple[ListedExport, ...]:
    if len(rows) > limits.EXPORTS:
        wrong = say(
            "The file lists {count} exports; {most} are allowed.",
            count=f"{len(rows):,}",
            most=f"{limits.EXPORTS:,}",
        )
        cure = say("Remove the exports of clusters that take no part any more from the directory.")
        raise Refused("archive.entries", wrong, cure)
    return tuple(_export(row) for row in rows)


def _export(row: Fields) -> ListedExport:
    cluster = read_cluster(row.inner("cluster"))
    service = row.one_of("service", SERVICES)
    number = row.number("number", most=HIGHEST_NUMBER)
    return ListedExport(
        file=row.exactly("file", export_name(service, cluster.cluster_id, number)),
        sha256=row.digest("sha256"),
        size=row.number("size", least=1, most=limits.EXPORT_PACKED),
        cluster=cluster,
        service=service,
        number=number,
        made_at=row.time("made_at"),
        count=row.number("count", most=limits.ITEMS),
    )
