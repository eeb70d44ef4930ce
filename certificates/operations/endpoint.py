"""Add and remove the addresses at which we look what is really served."""

from django.conf import settings
from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Action, Endpoint, Event, Node, Service
from certificates.models.observed import MOST_ENDPOINTS
from certificates.outgoing import Allowed, UnknownHostError
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.names import host_name, server_name
from certificates.x509.visible import visible

LAST_PORT = 65_535


def allowed_places() -> Allowed:
    """Loopback, every node's host name and addresses, and what `CCXSEC_PROBE_ALLOWED` adds."""
    own: list[str] = []
    for name, addresses in Node.objects.values_list("host_name", "addresses"):
        own += [name, *addresses]
    return Allowed.of(settings.CCXSEC_PROBE_ALLOWED, own=own)


def add_endpoint(
    node: Node,
    *,
    host: str = "",
    port: int,
    sni: str = "",
    service: str = "",
    actor: Actor,
) -> Endpoint:
    """Look at an address from now on. Nothing is connected to yet; its name is resolved.

    Args:
        host: host name or address; "" for the node's own.
        sni: the name that is asked for in the handshake; "" for the host name.
        service: whose certificate should be served there; "" for any of the node.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: san.syntax, probe.port, probe.service, probe.address, probe.host, probe.known,
            probe.count.
    """
    actor.require(Permission.CONFIGURE)
    row = Endpoint(node=node, port=port, service=service, added_by=str(actor)[:200])
    row.host = server_name(host) if host.strip() else ""
    row.server_name = host_name(sni) if sni.strip() else ""
    if not 1 <= port <= LAST_PORT:
        raise Refused(
            "probe.port",
            say("{port} is no port.", port=port),
            say("Enter 1 to {most}, such as 8443.", most=LAST_PORT),
        )
    if service and service not in list(Service):
        wrong = say("There is no service {service}.", service=repr(visible(service)[:40]))
        raise Refused(
            "probe.service",
            wrong,
            say("Choose one of: {services}; or none.", services=", ".join(Service)),
        )
    refuse_place(row.place, row.port)
    with transaction.atomic():
        Event.objects.hold()
        _refuse_known(row)
        row.save(force_insert=True)
        Event.objects.record(
            str(actor),
            Action.ENDPOINT_ADD,
            row,
            node=str(node),
            service=service,
            sni=row.asked_name,
        )
    return row


def refuse_place(host: str, port: int) -> None:
    """Raises `Refused` probe.address, probe.host; asked again each time before a connection."""
    try:
        allowed_places().place(host, port)
    except UnknownHostError as error:
        raise Refused(
            "probe.host", str(error), say("Look at the name, or enter an address.")
        ) from error


def _refuse_known(row: Endpoint) -> None:
    same = {"node": row.node, "host": row.host, "port": row.port, "server_name": row.server_name}
    if Endpoint.objects.filter(**same).exists():
        raise Refused(
            "probe.known", say("{row} is looked at already.", row=row), say("Look at the list.")
        )
    if Endpoint.objects.count() >= MOST_ENDPOINTS:
        wrong = say(
            "{most} addresses are looked at already, and no more can be.",
            most=MOST_ENDPOINTS,
        )
        raise Refused("probe.count", wrong, say("Remove one that is not needed any more."))


@transaction.atomic
def remove_endpoint(endpoint: Endpoint, *, actor: Actor) -> None:
    """Look there no more, and forget what was served there.

    Raises:
        PermissionDenied: `actor` may not configure.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    Event.objects.record(
        str(actor), Action.ENDPOINT_REMOVE, endpoint, fingerprint=endpoint.fingerprint
    )
    endpoint.delete()
