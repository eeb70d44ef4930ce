"""The three steps of the exchange, as far as they are known: what is there, and what is missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import reduce

from bulk.models import Cluster, ExchangeServer
from bulk.operations.content import every_own_key, own_keys, planned_export
from bulk.seen import Seen, SeenExport, SeenFile
from certificates.cells import at
from certificates.models import Service
from certificates.sentence import say, say_count

CLUSTERS_NEEDED = 2  # BK-4
NOBODY_LOOKED = say("Nobody has looked at the SFTP server yet.")


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
    """One export on the server. `notes`: what the operator should know about it.

    `is_stale`: of this cluster, and its certificates are others now.
    """

    seen: SeenExport
    trust: Trust
    is_consolidated: bool
    is_stale: bool
    notes: tuple[str, ...]

    @property
    def is_own(self) -> bool:
        return self.trust == Trust.OWN


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A cluster that exports here and that nobody has confirmed, or whose keys are others now.

    `keys`: per service the fingerprint to compare with what that cluster shows of itself.
    `pinned`: those that were confirmed before, None for a new cluster. `is_namesake`: another
    cluster that is confirmed, or this one, is called the same.
    """

    cluster_id: str
    name: str
    nodes: tuple[str, ...]
    keys: dict[str, str]
    pinned: dict[str, str] | None
    is_namesake: bool


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
    known = _Known(
        str(server.cluster_id),
        every_own_key(),
        {str(cluster.cluster_id): cluster for cluster in clusters},
    )
    rows = tuple(_rows(seen, known, now)) if seen else ()
    missing = tuple(_missing(seen, rows))
    return Standing(
        server,
        seen,
        rows,
        tuple(_unconfirmed(rows, known.clusters)),
        clusters,
        tuple(seen.others) if seen else (),
        (
            _export_step(rows),
            _consolidate_step(seen, rows),
            _import_step(rows, known.clusters, missing),
        ),
        missing,
        own_keys(),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """Who is believed: this cluster itself, and those that were confirmed."""

    own_id: str
    own_keys: set[str]
    clusters: dict[str, Cluster]

    def trust(self, export: SeenExport) -> Trust:
        if export.problem:
            return Trust.UNREADABLE
        if export.cluster_id == self.own_id:
            return Trust.OWN if self.own_keys & {*export.keys.values()} else Trust.FOREIGN
        cluster = self.clusters.get(export.cluster_id)
        if cluster is None:
            return Trust.UNCONFIRMED
        return Trust.CONFIRMED if cluster.knows(export.keys) else Trust.FOREIGN


def _rows(seen: Seen, known: _Known, now: datetime) -> Iterator[ExportRow]:
    consolidated = set(seen.consolidated.exports) if seen.consolidated else set()
    current = {service: planned_export(service, now=now).content for service in Service}
    ordered = sorted(seen.exports, key=lambda one: (one.cluster_name, one.cluster_id, one.service))
    for export in ordered:
        trust = known.trust(export)
        is_in = export.file in consolidated
        is_stale = trust == Trust.OWN and export.content != current.get(Service(export.service))
        notes = [*_notes(seen, export, trust, known.own_id)]
        if is_stale:
            notes.insert(0, say("Older than what this cluster has now: export again."))
        yield ExportRow(export, trust, is_in, is_stale, tuple(notes))


def _notes(seen: Seen, export: SeenExport, trust: Trust, own_id: str) -> Iterator[str]:
    if export.problem:
        yield export.problem
    elif trust == Trust.FOREIGN and export.cluster_id == own_id:
        yield say(
            "Not from this installation, but under its id: was its database copied to another?"
            " Nobody who has confirmed this cluster imports it."
        )
    elif trust == Trust.FOREIGN:
        yield say("Signed by other keys than those that were confirmed: nothing of it is imported.")
    elif seen.consolidated and export.file not in seen.consolidated.exports:
        yield say("Exported after the exports were consolidated: consolidate again.")


def _unconfirmed(rows: Sequence[ExportRow], known: dict[str, Cluster]) -> Iterator[Unconfirmed]:
    """Each once; under one id as many as there are whose keys have nothing in common."""
    told: set[tuple[str, str]] = set()
    for row in rows:
        export = row.seen
        before = known.get(export.cluster_id)
        is_new = row.trust == Trust.UNCONFIRMED or (row.trust == Trust.FOREIGN and before)
        keys = {(export.cluster_id, key) for key in export.keys.values()}
        if is_new and not keys & told:
            told |= keys
            others = {one.name.casefold() for key, one in known.items() if key != export.cluster_id}
            others |= {one.seen.cluster_name.casefold() for one in rows if one.is_own}
            yield Unconfirmed(
                export.cluster_id,
                export.cluster_name,
                tuple(export.nodes),
                export.keys,
                before.keys if before else None,
                export.cluster_name.casefold() in others,
            )


def exporters(rows: Sequence[ExportRow]) -> dict[str, str]:
    """The clusters whose exports can be read, by id; their names."""
    return {
        row.seen.cluster_id: row.seen.cluster_name for row in rows if row.trust != Trust.UNREADABLE
    }


def _missing(seen: Seen | None, rows: Sequence[ExportRow]) -> Iterator[str]:
    """What BK-4 asks for and is not there."""
    if seen is None:
        yield NOBODY_LOOKED
        return
    there = exporters(rows)
    if len(there) < CLUSTERS_NEEDED:
        yield _too_few(there)
    consolidated = seen.consolidated
    if consolidated is None:
        yield say("The exports must be consolidated.")
    elif consolidated.problem:
        yield say(
            "The consolidated file can't be used: {problem} Consolidate again.",
            problem=consolidated.problem,
        )
    elif len(consolidated.clusters) < CLUSTERS_NEEDED:
        yield say("The consolidated file holds the export of one cluster only: consolidate again.")


def _too_few(there: dict[str, str]) -> str:
    if not there:
        return say("At least two clusters must export to the server; no cluster has so far.")
    return say(
        "At least two clusters must export to the server; only {cluster} has so far.",
        cluster=next(iter(there.values())),
    )


def _export_step(rows: Sequence[ExportRow]) -> Step:
    own = [row for row in rows if row.is_own]
    if not own:
        return Step(say("Export"), StepState.DUE, (say("This cluster has exported nothing yet."),))
    stale = [row for row in own if row.is_stale]
    said = [_exported(row.seen) for row in own]
    if stale:
        services = reduce(
            lambda one, other: say("{one} and {other}", one=one, other=other),
            [row.seen.service for row in stale],
        )
        said.append(
            say(
                "The certificates of {services} have changed since: export again.",
                services=services,
            )
        )
    return Step(say("Export"), StepState.DUE if stale else StepState.DONE, tuple(said))


def _consolidate_step(seen: Seen | None, rows: Sequence[ExportRow]) -> Step:
    if seen is None:
        return Step(say("Consolidate"), StepState.WAITING, (NOBODY_LOOKED,))
    there = exporters(rows)
    if len(there) < CLUSTERS_NEEDED:
        said = say(
            "{count} of at least {needed} clusters have exported.",
            count=len(there),
            needed=CLUSTERS_NEEDED,
        )
        return Step(say("Consolidate"), StepState.WAITING, (said,))
    consolidated = seen.consolidated
    if consolidated is None:
        said = say("The exports of {count} clusters wait to be consolidated.", count=len(there))
        return Step(say("Consolidate"), StepState.DUE, (said,))
    if consolidated.problem:
        return Step(say("Consolidate"), StepState.DUE, (consolidated.problem,))
    made = consolidated.made
    who = f"{consolidated.made_by}, {at(made)}." if made else f"{consolidated.made_by}."
    said = say(
        "{exports} exports of {clusters} clusters; {who}",
        exports=len(consolidated.exports),
        clusters=len(consolidated.clusters),
        who=who,
    )
    later = [row for row in rows if row.trust != Trust.UNREADABLE and not row.is_consolidated]
    if later:
        names = ", ".join(sorted({row.seen.cluster_name for row in later}))
        return Step(
            say("Consolidate"), StepState.DUE, (said, say("Exported since: {names}.", names=names))
        )
    return Step(say("Consolidate"), StepState.DONE, (said,))


def _import_step(
    rows: Sequence[ExportRow], clusters: dict[str, Cluster], missing: Sequence[str]
) -> Step:
    if missing:
        return Step(say("Import"), StepState.WAITING, tuple(missing))
    believed = [row for row in rows if row.trust == Trust.CONFIRMED and row.is_consolidated]
    if not believed:
        said = say("None of the other clusters is confirmed: compare its fingerprints first.")
        if any(row.trust == Trust.CONFIRMED for row in rows):
            said = say("What the confirmed clusters export now is not consolidated yet.")
        return Step(say("Import"), StepState.WAITING, (said,))
    fresh = [row for row in believed if _is_fresh(row.seen, clusters[row.seen.cluster_id])]
    if not fresh:
        said = say("What is consolidated of the confirmed clusters is imported.")
        return Step(say("Import"), StepState.DONE, (said,))
    said = say(
        "Exports that were not imported yet: {count}. First it is shown what would change.",
        count=len(fresh),
    )
    return Step(say("Import"), StepState.DUE, (said,))


def _is_fresh(export: SeenExport, cluster: Cluster) -> bool:
    return export.number > cluster.latest_number(export.service)


def _when(export: SeenExport) -> str:
    return at(export.made) if export.made else say("at an unknown time")


def _exported(export: SeenExport) -> str:
    certificates = say_count("{count} certificate", "{count} certificates", export.count)
    return say(
        "{service}: {certificates}, {when}.",
        service=export.service,
        certificates=certificates,
        when=_when(export),
    )
