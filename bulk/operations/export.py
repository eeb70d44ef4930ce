"""Export: the certificates of this cluster's nodes, signed, to the SFTP server (BK-2)."""

import secrets
from datetime import timedelta

from cryptography.x509 import load_der_x509_certificate
from django.db import transaction
from django.utils import timezone

from bulk.exchange.export import ExportManifest, write_export
from bulk.exchange.names import ExportName, export_name, part_name
from bulk.models import ExchangeServer
from bulk.operations.content import (
    Exporting,
    planned_export,
    services_of,
    signing_certificates,
    this_cluster,
)
from bulk.operations.run import Run, ask, run
from bulk.operations.survey import Directory, list_directory, survey
from bulk.seen import counted
from bulk.transfer import Folder
from certificates.access import Actor
from certificates.models import Action, Event, Job
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.signing import Signer, SigningKey, weakness

LEFT_BEHIND = timedelta(days=1)  # another cluster's part of an upload that nobody goes on with


def request_export(service: str, *, actor: Actor) -> Job:
    """Queue an export.

    Args:
        service: tomcat, ipsec or all.

    Raises:
        Refused: export.type, and what `ask` raises.
    """
    services_of(service)
    return ask("bulk-export", actor=actor, service=service)


@run("bulk-export", "Cancelled: what was on the server before is still there.")
def _export(work: Run) -> str:
    now = timezone.now()
    plans = [planned_export(one, now=now) for one in services_of(work.job.arguments["service"])]
    for remark in [remark for plan in plans for remark in plan.remarks]:
        work.say(remark)
    work.say("Connecting to the server.", done=2)
    said = []
    with work.visit() as folder:
        sweep(work, folder)
        found = list_directory(folder)
        for number, plan in enumerate(plans):
            begin, end = 5 + 80 * number // len(plans), 5 + 80 * (number + 1) // len(plans)
            said.append(_publish(work, folder, found, plan, (begin, end)))
            work.say(said[-1], done=end)
        survey(work, folder)
    return " ".join(said)


def sweep(work: Run, folder: Folder) -> None:
    """Remove what dead uploads have left: our own, and old ones of others."""
    for name in folder.sweep(str(work.server.cluster_id), LEFT_BEHIND):
        work.say(f"Removed {name}, which an upload that was cut has left.")


def new_part(work: Run) -> str:
    """A name for an upload until it is whole."""
    return part_name(str(work.server.cluster_id), secrets.token_hex(8))


def _publish(
    work: Run, folder: Folder, found: Directory, plan: Exporting, share: tuple[int, int]
) -> str:
    cluster, service = this_cluster(work.server), plan.service.value
    published = int(work.server.numbers.get(service, 0))
    number = found.next_number(cluster.cluster_id, service, published)
    name = export_name(service, cluster.cluster_id, number)
    path = work.scratch / name
    with path.open("wb") as target:
        manifest = write_export(
            target,
            cluster=cluster,
            service=service,
            number=number,
            made_at=timezone.now(),
            items=plan.items,
            signers=signers(work.server, actor=work.actor),
        )
    with path.open("rb") as source:
        folder.publish(name, source, part=new_part(work), progress=work.portion(*share))
    work.published.append(name)
    _note(work, name, manifest)
    folder.remove_replaced(
        file.name
        for old, file in found.exports
        if _is_replaced(old, cluster.cluster_id, service, number)
    )
    return f"Exported {service}: {counted(manifest.count)} in {name}."


def _is_replaced(old: ExportName, cluster_id: str, service: str, number: int) -> bool:
    return (old.cluster_id, old.service) == (cluster_id, service) and old.number < number


@transaction.atomic
def _note(work: Run, name: str, manifest: ExportManifest) -> None:
    Event.objects.hold()
    row = ExchangeServer.objects.lock()
    row.numbers = row.numbers | {manifest.service: manifest.number}
    row.save(update_fields=["numbers"])
    Event.objects.record(
        str(work.actor), Action.EXCHANGE_EXPORT, work.server, file=name, count=manifest.count
    )


@transaction.atomic
def signers(server: ExchangeServer, *, actor: Actor) -> list[Signer]:
    """The keys of this server that sign what is published; reading each is an event.

    Raises:
        Refused: export.signer. None of them can sign.
    """
    Event.objects.hold()
    found = []
    for service, row in sorted(signing_certificates().items()):
        certificate = load_der_x509_certificate(bytes(row.der))
        if weakness(certificate.public_key()):
            continue  # what it signs would be believed by nobody
        key = row.unseal_key(actor=str(actor), reason=f"sign what is published at {server.host}")
        if isinstance(key, SigningKey):
            found.append(Signer(service, certificate, key))
    if not found:
        wrong = say("This server has no certificate with a key that could sign an export.")
        raise Refused("export.signer", wrong, say("Generate tomcat or ipsec with a stronger key."))
    return found
