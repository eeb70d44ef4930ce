"""The three steps of the exchange, as far as they are known: what is there, and what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bulk.models import Cluster, ExchangeServer
from bulk.operations.content import own_keys, planned_export
from bulk.seen import Seen, SeenExport, SeenFile
from certificates.cells import at
from certificates.models import Service

CLUSTERS_NEEDED = 2  # BK-4


class Trust(StrEnum):
    """Whether what a cluster exports is believed here."""

    OWN = "own"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    FOREIGN = "foreign"  # signed by other keys than the pinned ones
    UNREADABLE = "unreadable"


class StepState(StrEnum):
    DONE = "done"
    DUE = "due"  # it can be done, and should be
    WAITING = "waiting"  # something before it is missing


@dataclass(frozen=True, slots=True)
class Step:
    """Export, Consolidate or Import: how it stands, in sentences."""

    name: str
    state: StepState
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One export on the server. `notes`: what the operator should know about it."""

    seen: SeenExport
    trust: Trust
    is_consolidated: bool
    notes: tuple[str, ...]

    @property
    def is_own(self) -> bool:
        return self.trust == Trust.OWN


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A cluster that exports here and that nobody has confirmed, or whose keys are others now.

    `keys`: per service the fingerprint to compare with what that cluster shows of itself.
    `pinned`: those that were confirmed before, None for a new cluster.
    """

    cluster_id: str
    name: str
    nodes: tuple[str, ...]
    keys: dict[str, str]
    pinned: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that the page Bulk Certificate Management tells.

    `may_import`: the conditions of BK-4 hold; else `missing` says what is not there yet.
    `own_keys`: this cluster's own fingerprints, which others compare. `seen`: None: nobody has
    looked yet.
    """

    server: ExchangeServer
    seen: Seen | None
    exports: tuple[ExportRow, ...]
    unconfirmed: tuple[Unconfirmed, ...]
    clusters: tuple[Cluster, ...]
    others: tuple[SeenFile, ...]
    steps: tuple[Step, Step, Step]
    missing: tuple[str, ...]
    own_keys: dict[str, str]

    @property
    def may_import(self) -> bool:
        return not self.missing


def standing(*, now: datetime) -> Standing:
    """How the exchange stands by the last look at the server; nothing is asked for now."""
    server = ExchangeServer.objects.current()
    seen = Seen.of_json(server.seen) if server.seen_at else None
    clusters = tuple(Cluster.objects.all())
    known = {str(cluster.cluster_id): cluster for cluster in clusters}
    rows = tuple(_rows(server, seen, known, now)) if seen else ()
    missing = tuple(_missing(seen, rows))
    return Standing(
        server,
        seen,
        rows,
        tuple(_unconfirmed(rows, known)),
        clusters,
        tuple(seen.others) if seen else (),
        (_export_step(rows), _consolidate_step(seen, rows), _import_step(seen, missing)),
        missing,
        own_keys(),
    )


def trust_of(server: ExchangeServer, export: SeenExport, cluster: Cluster | None) -> Trust:
    """Whether an export is believed."""
    if export.problem:
        return Trust.UNREADABLE
    if export.cluster_id == str(server.cluster_id):
        return Trust.OWN if {*own_keys().values()} & {*export.keys.values()} else Trust.FOREIGN
    if cluster is None:
        return Trust.UNCONFIRMED
    return Trust.CONFIRMED if cluster.knows(export.keys) else Trust.FOREIGN


def _rows(
    server: ExchangeServer, seen: Seen, known: dict[str, Cluster], now: datetime
) -> Iterator[ExportRow]:
    consolidated = set(seen.consolidated.exports) if seen.consolidated else set()
    current = {service: planned_export(service, now=now).content for service in Service}
    ordered = sorted(seen.exports, key=lambda one: (one.cluster_name, one.cluster_id, one.service))
    for export in ordered:
        trust = trust_of(server, export, known.get(export.cluster_id))
        is_in = export.file in consolidated
        notes = _notes(seen, export, trust, current, is_consolidated=is_in)
        yield ExportRow(export, trust, is_in, tuple(notes))


def _notes(
    seen: Seen,
    export: SeenExport,
    trust: Trust,
    current: dict[Service, str],
    *,
    is_consolidated: bool,
) -> Iterator[str]:
    if export.problem:
        yield export.problem
        return
    if trust == Trust.OWN and export.content != current.get(Service(export.service)):
        yield "Older than what this cluster has now: export again."
    if trust == Trust.FOREIGN:
        yield "Signed by other keys than those that were confirmed: nothing of it is imported."
    if seen.consolidated and not is_consolidated:
        yield "Exported after the exports were consolidated: consolidate again."


def _unconfirmed(rows: Sequence[ExportRow], known: dict[str, Cluster]) -> Iterator[Unconfirmed]:
    told = set()
    for row in rows:
        export = row.seen
        if row.trust in (Trust.UNCONFIRMED, Trust.FOREIGN) and export.cluster_id not in told:
            told.add(export.cluster_id)
            before = known.get(export.cluster_id)
            yield Unconfirmed(
                export.cluster_id,
                export.cluster_name,
                tuple(export.nodes),
                export.keys,
                before.keys if before else None,
            )


def exporters(rows: Sequence[ExportRow]) -> dict[str, str]:
    """The clusters whose exports can be read, by id; their names."""
    return {
        row.seen.cluster_id: row.seen.cluster_name for row in rows if row.trust != Trust.UNREADABLE
    }


def _missing(seen: Seen | None, rows: Sequence[ExportRow]) -> Iterator[str]:
    """What BK-4 asks for and is not there."""
    if seen is None:
        yield "Nobody has looked at the SFTP server yet."
        return
    there = exporters(rows)
    if len(there) < CLUSTERS_NEEDED:
        who = f"only {next(iter(there.values()))} has" if there else "no cluster has"
        yield f"At least two clusters must export to the server; {who} so far."
    consolidated = seen.consolidated
    if consolidated is None:
        yield "The exports must be consolidated."
    elif consolidated.problem:
        yield f"The consolidated file can't be used: {consolidated.problem} Consolidate again."
    elif len(consolidated.clusters) < CLUSTERS_NEEDED:
        yield "The consolidated file holds the export of one cluster only: consolidate again."


def _export_step(rows: Sequence[ExportRow]) -> Step:
    own = [row for row in rows if row.is_own]
    if not own:
        return Step("Export", StepState.DUE, ("This cluster has exported nothing yet.",))
    stale = [row for row in own if row.seen.content and row.notes and "Older" in row.notes[0]]
    said = [f"{row.seen.service}: {row.seen.count} certificates, {_when(row.seen)}." for row in own]
    if stale:
        services = " and ".join(row.seen.service for row in stale)
        said.append(f"The certificates of {services} have changed since: export again.")
    return Step("Export", StepState.DUE if stale else StepState.DONE, tuple(said))


def _consolidate_step(seen: Seen | None, rows: Sequence[ExportRow]) -> Step:
    there = exporters(rows)
    if seen is None or len(there) < CLUSTERS_NEEDED:
        said = f"{len(there)} of at least {CLUSTERS_NEEDED} clusters have exported."
        return Step("Consolidate", StepState.WAITING, (said,))
    consolidated = seen.consolidated
    if consolidated is None:
        said = f"The exports of {len(there)} clusters wait to be consolidated."
        return Step("Consolidate", StepState.DUE, (said,))
    if consolidated.problem:
        return Step("Consolidate", StepState.DUE, (consolidated.problem,))
    made = consolidated.made
    who = f"{consolidated.made_by}, {at(made)}." if made else f"{consolidated.made_by}."
    said = f"{len(consolidated.exports)} exports of {len(consolidated.clusters)} clusters; {who}"
    later = [row for row in rows if row.trust != Trust.UNREADABLE and not row.is_consolidated]
    if later:
        names = ", ".join(sorted({row.seen.cluster_name for row in later}))
        return Step("Consolidate", StepState.DUE, (said, f"Exported since: {names}."))
    return Step("Consolidate", StepState.DONE, (said,))


def _import_step(seen: Seen | None, missing: Sequence[str]) -> Step:
    if missing or seen is None:
        return Step("Import", StepState.WAITING, tuple(missing))
    return Step("Import", StepState.DUE, ("Look what it would change, then import.",))


def _when(export: SeenExport) -> str:
    return at(export.made) if export.made else "at an unknown time"
