"""Other clusters: an operator compares their keys once, and from then on they are believed."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from bulk.models import Cluster, ExchangeServer
from bulk.seen import Seen, SeenExport
from certificates.access import Actor, Permission
from certificates.models import Action, Event
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible


@transaction.atomic
def confirm_cluster(cluster_id: str, *, fingerprint: str, actor: Actor) -> Cluster:
    """Believe what a cluster signs from now on.

    Args:
        cluster_id: of one whose export was seen on the server.
        fingerprint: "SHA256:…" of one of its keys, compared with what that cluster shows of
            itself. The key that it belongs to has signed for the others.

    Raises:
        PermissionDenied: `actor` may not configure the exchange.
        Refused: cluster.unknown, cluster.own, cluster.other-key.
    """
    actor.require(Permission.CONFIGURE_BULK)
    Event.objects.hold()
    server = ExchangeServer.objects.lock()
    if cluster_id == str(server.cluster_id):
        wrong = say("This is this cluster itself.")
        raise Refused("cluster.own", wrong, say("Confirm the others."))
    exports = _exports_of(server, cluster_id)
    wanted = fingerprint.strip().rstrip("=")
    export = next((one for one in exports if wanted in one.keys.values()), None)
    if export is None:
        who = exports[0].cluster_name  # its keys are not named: they are to be compared, not copied
        wrong = say(
            "{who} signs with other keys than {fingerprint}.",
            who=who,
            fingerprint=repr(visible(fingerprint)[:80]),
        )
        raise Refused("cluster.other-key", wrong, say("Compare it with what that cluster shows."))
    before = Cluster.objects.filter(cluster_id=UUID(cluster_id)).first()
    cluster = before or Cluster(cluster_id=UUID(cluster_id))
    cluster.name, cluster.nodes = export.cluster_name[:100], export.nodes
    cluster.keys, cluster.keys_at = export.keys, export.made
    cluster.confirmed_at, cluster.confirmed_by = timezone.now(), str(actor)
    cluster.save()
    Event.objects.record(
        str(actor), Action.CLUSTER_CONFIRM, cluster, cluster_id=cluster_id, **export.keys
    )
    return cluster


def _exports_of(server: ExchangeServer, cluster_id: str) -> list[SeenExport]:
    exports = [
        one
        for one in Seen.of_json(server.seen).exports
        if one.cluster_id == cluster_id and not one.problem
    ]
    if not exports:
        wrong = say(
            "No export of a cluster {cluster_id} was seen on the server.",
            cluster_id=repr(visible(cluster_id)[:60]),
        )
        raise Refused("cluster.unknown", wrong, say("Look at the server again."))
    return sorted(exports, key=lambda one: one.made_at, reverse=True)  # the newest keys first


@transaction.atomic
def forget_cluster(cluster: Cluster, *, actor: Actor) -> None:
    """Believe a cluster no longer; the certificates that came from it stay.

    Raises:
        PermissionDenied: `actor` may not configure the exchange.
        Refused: cluster.unknown.
    """
    actor.require(Permission.CONFIGURE_BULK)
    Event.objects.hold()
    row = Cluster.objects.select_for_update().filter(pk=cluster.pk).first()
    if row is None:
        wrong = say("The cluster {cluster} is not known any more.", cluster=cluster)
        raise Refused("cluster.unknown", wrong, say("There is nothing to do."))
    Event.objects.record(
        str(actor), Action.CLUSTER_FORGET, row, cluster_id=str(row.cluster_id), **row.keys
    )
    row.delete()
