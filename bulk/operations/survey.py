"""Look what is on the SFTP server, and keep it for the page."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from bulk.exchange.consolidated import open_consolidated
from bulk.exchange.export import Export, read_export
from bulk.exchange.limits import CONSOLIDATED, EXPORT_PACKED
from bulk.exchange.names import ConsolidatedName, ExportName, read_name
from bulk.models import Cluster, ExchangeServer
from bulk.operations.content import content_of, every_own_key
from bulk.operations.run import Run, ask, run
from bulk.seen import Seen, SeenConsolidated, SeenExport, SeenFile, counted
from bulk.transfer import Folder, RemoteFile
from certificates.access import Actor
from certificates.models import Event, Job
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible

FOREIGN = (".p12", ".pfx")
MOST_OTHERS = 200  # files of other systems that are listed
MOST_EXPORTS = 500
MOST_OF_ONE = 50  # exports of one cluster and service
_LEAP = 1_000_000  # exports, more than a backup that was restored can be behind
_TRIES = 4
_T = TypeVar("_T")


@dataclass
class Directory:
    """The server's directory as it was listed, parted by what the files are."""

    exports: list[tuple[ExportName, RemoteFile]] = field(default_factory=list)
    consolidated: list[tuple[ConsolidatedName, RemoteFile]] = field(default_factory=list)
    others: list[RemoteFile] = field(default_factory=list)
    strays: int = 0

    def next_number(self, cluster_id: str, service: str, published: int) -> int:
        """For an export: higher than this cluster's own, and than every one that is there.

        What lies far above its own did not come by exporting. Somebody else has written it, and
        to follow would use up the numbers: others take no lower one than they have imported.

        Args:
            published: the highest that this cluster has used so far, whatever the server.
        """
        taken = {
            name.number
            for name, _ in self.exports
            if (name.cluster_id, name.service) == (cluster_id, service)
        }
        number = max([published, *(one for one in taken if one <= published + _LEAP)]) + 1
        while number in taken:
            number += 1
        return number


def request_survey(*, actor: Actor) -> Job:
    """Queue a look at the server. Raises what `ask` raises."""
    return ask("bulk-survey", actor=actor)


@run("bulk-survey", "Cancelled: what was seen before still stands.")
def _survey(work: Run) -> str:
    work.say("Looking at the server.", done=1)
    with work.visit() as folder:
        seen = survey(work, folder)
    clusters = len({one.cluster_id for one in seen.exports if not one.problem})
    return (
        f"On the server: {counted(len(seen.exports), 'export')} of {counted(clusters, 'cluster')}."
    )


def list_directory(folder: Folder) -> Directory:
    """What is there, newest numbers first."""
    found = Directory()
    for file in folder.entries():
        name = read_name(file.name) if file.is_file else None
        if isinstance(name, ExportName):
            found.exports.append((name, file))
        elif isinstance(name, ConsolidatedName):
            found.consolidated.append((name, file))
        elif file.is_file and file.name.lower().endswith(FOREIGN):
            found.others.append(file)
        elif name is None:
            found.strays += 1
    found.exports.sort(key=lambda one: -one[0].number)
    found.consolidated.sort(key=lambda one: -one[0].number)
    return found


def survey(work: Run, folder: Folder) -> Seen:
    """List the directory, read what is new in it, and keep what was seen.

    A file's number is never used again: what could be read once under its name, size and time is
    as it was.
    """
    return again(lambda: _surveyed(work, folder))


def again(do: Callable[[], _T]) -> _T:
    """What `do` returns; anew where another cluster has replaced a file in the middle of it.

    Raises:
        Refused: those of `do`.
    """
    for _ in range(_TRIES - 1):
        try:
            return do()
        except Refused as refused:
            if refused.code != "sftp.gone":
                raise
    return do()


def _surveyed(work: Run, folder: Folder) -> Seen:
    found = list_directory(folder)
    before = Seen.of_json(work.server.seen)
    seen = Seen(
        exports=list(_exports(work, folder, found.exports, before)),
        consolidated=_consolidated(work, folder, found.consolidated, before),
        others=[SeenFile(visible(one.name), one.size) for one in found.others[:MOST_OTHERS]],
        free=folder.free_space(),
        strays=found.strays,
    )
    _keep(work.server, seen)
    return seen


def _exports(
    work: Run, folder: Folder, found: Sequence[tuple[ExportName, RemoteFile]], before: Seen
) -> Iterator[SeenExport]:
    """Of each cluster and service the newest that counts, and newer ones that don't.

    What somebody else published in a cluster's name does not hide the one that is its own. Where
    nobody has said whose keys are right, the newest of each is there.
    """
    # What could not be read may be readable now: it got other rights, or this product is newer.
    read = [one for one in before.exports if not one.problem]
    known = {(one.file, one.size, one.modified_at): one for one in read}
    believed = believed_keys(work.server)
    done: set[tuple[str, str]] = set()
    signed: set[tuple[str, str, str]] = set()  # with the key that signed
    # However many are put there in the name of others, those that count are read first.
    tries: Counter[tuple[str, str]] = Counter()
    for name, file in sorted(found, key=lambda one: one[0].cluster_id not in believed):
        place = (name.cluster_id, name.service)
        if place in done or tries[place] == MOST_OF_ONE or tries.total() == MOST_EXPORTS:
            continue
        tries[place] += 1
        same = known.get((file.name, file.size, file.modified_at.isoformat()))
        seen = same or _read_export(work, folder, name, file)
        if seen is None:
            continue
        by = {(*place, key) for key in seen.keys.values()}
        if not by or by - signed:
            yield seen
        signed |= by
        if {*seen.keys.values()} & believed.get(name.cluster_id, set()):
            done.add(place)


def believed_keys(server: ExchangeServer) -> dict[str, set[str]]:
    """By cluster the fingerprints whose signature is believed; this one's own among them."""
    pinned = {str(one.cluster_id): {*one.keys.values()} for one in Cluster.objects.all()}
    return pinned | {str(server.cluster_id): every_own_key()}


def _read_export(
    work: Run, folder: Folder, name: ExportName, file: RemoteFile
) -> SeenExport | None:
    """None: it is gone meanwhile, as its cluster has published a newer one."""
    seen = SeenExport(
        file=file.name,
        size=file.size,
        modified_at=file.modified_at.isoformat(),
        cluster_id=name.cluster_id,
        service=name.service,
        number=name.number,
    )
    try:
        export = fetch_export(folder, name, file.name, work.scratch)
    except Refused as refused:
        if refused.code == "sftp.gone":
            return None
        if not is_of_file(refused):
            raise
        return replace(seen, problem=refused.sentence)
    manifest = export.manifest
    return replace(
        seen,
        cluster_name=visible(manifest.cluster.name),
        nodes=[visible(node) for node in manifest.cluster.nodes],
        made_at=manifest.made_at.isoformat(),
        count=manifest.count,
        keys=dict(export.keys),
        content=content_of([item.pem for item in export.items]),
    )


def is_of_file(refused: Refused) -> bool:
    """One file is no good, which stops no other."""
    of_file = {"sftp.large", "sftp.no-file", "sftp.denied", "sftp.changed"}
    return refused.code.startswith("archive.") or refused.code in of_file


def fetch_export(folder: Folder, name: ExportName, file: str, scratch: Path) -> Export:
    """Download an export and read it; it must be what its name says.

    Raises:
        Refused: those of `bulk.transfer` and archive.*; archive.name.
    """
    path = scratch / file
    with path.open("wb") as target:
        folder.read(file, target, most=EXPORT_PACKED)
    with path.open("rb") as source:
        export = read_export(source)
    refuse_misnamed(export, name)
    return export


def refuse_misnamed(export: Export, name: ExportName) -> None:
    """A file can't stand for another cluster, service or number than those that it was signed with.

    Raises:
        Refused: archive.name.
    """
    made = export.manifest
    signed = (made.cluster.cluster_id, made.service, made.number)
    if signed != (name.cluster_id, name.service, name.number):
        wrong = say("The file's name says another cluster, service or number than its manifest.")
        raise Refused("archive.name", wrong, say("Have that cluster export again."))


def _consolidated(
    work: Run, folder: Folder, found: Sequence[tuple[ConsolidatedName, RemoteFile]], before: Seen
) -> SeenConsolidated | None:
    if not found:
        return None
    name, file = found[0]
    about = (file.name, file.size, file.modified_at.isoformat())
    same = before.consolidated
    if same and not same.problem and (same.file, same.size, same.modified_at) == about:
        return same
    try:
        with fetch_consolidated(work, folder, file.name).open("rb") as source:
            opened = open_consolidated(source)
            included = [(one.file, isinstance(one.export, Export)) for one in opened.exports()]
    except Refused as refused:
        if not is_of_file(refused):
            raise
        return SeenConsolidated(*about, name.number, problem=refused.sentence)
    good = {file for file, is_read in included if is_read}
    return SeenConsolidated(
        *about,
        name.number,
        made_at=opened.manifest.made_at.isoformat(),
        made_by=visible(opened.manifest.cluster.name),
        exports=sorted(good),
        clusters=sorted(
            {one.cluster.cluster_id for one in opened.manifest.exports if one.file in good}
        ),
    )


def fetch_consolidated(work: Run, folder: Folder, file: str) -> Path:
    """Download the consolidated file, unless this run has it already."""
    path = work.scratch / file
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("wb") as target:
            folder.read(file, target, most=CONSOLIDATED, progress=work.portion(5, 60))
        part.rename(path)
    return path


@transaction.atomic
def _keep(server: ExchangeServer, seen: Seen) -> None:
    """Unless another server was set meanwhile."""
    Event.objects.hold()
    same = ExchangeServer.objects.filter(
        pk=server.pk, host=server.host, port=server.port, directory=server.directory
    )
    same.update(seen=seen.to_json(), seen_at=timezone.now(), trouble="")
    server.seen = seen.to_json()
