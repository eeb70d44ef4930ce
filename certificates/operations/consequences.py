"""What follows from every change of a node's certificates: it is written, and asked for.

All of it happens in the transaction of the change: a new generation for the node's store and the
job that writes it, restarts (CM-7), the backup reminder (CM-10).
"""

from collections.abc import Iterable
from datetime import datetime

from certificates.access import Actor
from certificates.jobs import enqueue
from certificates.models import (
    BackupReminder,
    Deployment,
    Job,
    Node,
    Purpose,
    RestartNotice,
    Service,
)


def lock_places(nodes: Iterable[Node], service: Service) -> list[Deployment]:
    """The rows that changes of these nodes' certificates hold, in one order for everybody."""
    ordered = sorted(set(nodes), key=lambda node: node.pk)
    return [Deployment.objects.lock(node, service) for node in ordered]


def intend(deployment: Deployment, actor: Actor) -> Job | None:
    """The node should hold something new: the job that writes it; None where none may be."""
    deployment.generation += 1
    deployment.save(update_fields=["generation"])
    node, service = deployment.node, Service(deployment.service)
    if not node.is_ready:
        return None
    target = f"{service} on {node}"
    return enqueue(
        "deploy",
        target,
        once=target,
        started_by=str(actor),
        node=node.pk,
        service=service.value,
    )


def ask_for_restarts(
    node: Node, purpose: Purpose, reason: str, *, fingerprint: str = "", now: datetime
) -> None:
    """A notice for every node of the cluster, and a backup to be made.

    Args:
        fingerprint: of the new own certificate, which a handshake will show; "" for a change of
            a trust store, which no handshake shows.
    """
    service = purpose.service
    RestartNotice.objects.open_for(
        service,
        changed=node,
        fingerprint=fingerprint if service == Service.TOMCAT else "",
        reason=reason,
        now=now,
    )
    BackupReminder.objects.remind(f"{purpose} of {node}", now)
