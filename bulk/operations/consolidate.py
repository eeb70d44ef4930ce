"""Consolidate: the exports of the clusters become one file (BK-3)."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from bulk.exchange.consolidated import Included, write_consolidated
from bulk.exchange.names import ConsolidatedName, ExportName, consolidated_name, read_name
from bulk.operations.content import this_cluster
from bulk.operations.export import new_part, signers, sweep
from bulk.operations.run import Run, ask, run
from bulk.operations.standing import CLUSTERS_NEEDED
from bulk.operations.survey import again, fetch_export, is_of_file, list_directory, survey
from bulk.seen import SeenExport, counted
from bulk.transfer import Folder, Lock
from certificates.access import Actor
from certificates.models import Action, Event, Job
from certificates.refusal import Refused
from certificates.sentence import say

LOCKED_FOR = timedelta(minutes=5)  # longer than one visit may last


def request_consolidate(*, actor: Actor) -> Job:
    """Queue a consolidation. Raises what `ask` raises."""
    return ask("bulk-consolidate", actor=actor)


@run("bulk-consolidate", "Cancelled: the former consolidated file is still the one that counts.")
def _consolidate(work: Run) -> str:
    work.say("Connecting to the server.", done=2)
    cluster = this_cluster(work.server)
    with work.visit() as folder:
        sweep(work, folder)
        with folder.locked(cluster.name, cluster.cluster_id, lifetime=LOCKED_FOR) as lock:
            included = again(lambda: _fetch(work, folder))
            name = _publish(work, folder, lock, included)
        survey(work, folder)
    clusters = len({one.manifest.cluster.cluster_id for one in included})
    return f"Consolidated {len(included)} exports of {clusters} clusters in {name}."


def readable(exports: Sequence[SeenExport]) -> list[SeenExport]:
    """Those that can be consolidated; whether they are believed is decided where they arrive."""
    return [one for one in exports if not one.problem]


def refuse_few(exports: Sequence[SeenExport]) -> None:
    """Raises `Refused` consolidate.few (BK-4)."""
    names = {one.cluster_id: one.cluster_name for one in exports}
    if len(names) < CLUSTERS_NEEDED:
        wrong = say(
            "Exports of at least two clusters are needed, and no cluster has exported so far."
        )
        if names:
            wrong = say(
                "Exports of at least two clusters are needed, and only {cluster} has exported"
                " so far.",
                cluster=next(iter(names.values())),
            )
        raise Refused("consolidate.few", wrong, say("Export from each cluster first."))


def _fetch(work: Run, folder: Folder) -> list[Included]:
    """Download each export once more, as it is now; what can't be read any more is left out."""
    chosen = readable(survey(work, folder).exports)
    refuse_few(chosen)
    included = []
    for number, one in enumerate(chosen, start=1):
        done = 20 + 40 * number // len(chosen)
        name = read_name(one.file)
        assert isinstance(name, ExportName)  # noqa: S101 - so it was listed
        try:
            export = fetch_export(folder, name, one.file, work.scratch)
        except Refused as refused:
            if not is_of_file(refused):
                raise
            work.say(f"{one.file} is left out. {refused.sentence}", done=done)
            continue
        included.append(Included(one.file, work.scratch / one.file, export.manifest))
        work.say(f"{one.cluster_name}, {one.service}: {counted(one.count)}.", done=done)
    there = {one.file for one in included}
    refuse_few([one for one in chosen if one.file in there])
    return included


def _publish(work: Run, folder: Folder, lock: Lock, included: Sequence[Included]) -> str:
    name = consolidated_name(lock.number)
    path: Path = work.scratch / name
    with path.open("wb") as target:
        write_consolidated(
            target,
            cluster=this_cluster(work.server),
            number=lock.number,
            made_at=timezone.now(),
            exports=included,
            signers=signers(work.server, actor=work.actor),
        )
    lock.check()
    with path.open("rb") as source:
        folder.publish(name, source, part=new_part(work), progress=work.portion(60, 90))
    work.published.append(name)
    _note(work, name, len(included))
    folder.remove_replaced(
        file.name
        for old, file in list_directory(folder).consolidated
        if _is_replaced(old, lock.number)
    )
    return name


def _is_replaced(old: ConsolidatedName, number: int) -> bool:
    return old.number < number


@transaction.atomic
def _note(work: Run, name: str, count: int) -> None:
    Event.objects.hold()
    Event.objects.record(
        str(work.actor), Action.EXCHANGE_CONSOLIDATE, work.server, file=name, exports=count
    )
