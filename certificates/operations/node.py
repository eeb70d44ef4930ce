"""Add and edit the servers of the cluster."""

import ipaddress
from collections.abc import Iterable

from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Action, Event, Node, Role
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.names import host_name as checked_host_name
from certificates.x509.visible import visible


@transaction.atomic
def save_node(
    node: Node,
    *,
    host_name: str,
    addresses: Iterable[str] = (),
    role: str = Role.SUBSCRIBER,
    description: str = "",
    actor: Actor,
) -> Node:
    """Add a node (an unsaved one), or change it.

    Raises:
        PermissionDenied: `actor` may not configure.
        Refused: san.syntax, address.syntax, name.control, node.known, node.role. Nothing was
            changed.
    """
    actor.require(Permission.CONFIGURE)
    Event.objects.hold()
    is_new = node.pk is None
    name = checked_host_name(host_name)
    _refuse_wrong(node, name, role, description)
    before = "" if is_new else Node.objects.get(pk=node.pk).host_name
    node.host_name, node.role, node.description = name, role, description
    node.addresses = [checked_address(text) for text in addresses if text.strip()]
    node.save()
    Event.objects.record(
        str(actor),
        Action.NODE_ADD if is_new else Action.NODE_CHANGE,
        node,
        role=role,
        addresses=" ".join(node.addresses),
        former_name=before,
    )
    return node


def _refuse_wrong(node: Node, name: str, role: str, description: str) -> None:
    if Node.objects.filter(host_name=name).exclude(pk=node.pk).exists():
        raise Refused(
            "node.known", say("There is a node {name} already.", name=name), say("Edit that one.")
        )
    if role not in Role.values:
        raise Refused(
            "node.role",
            say("{role} is no role.", role=repr(role)),
            say("Choose publisher or subscriber."),
        )
    if visible(description) != description:
        wrong = say("The description contains invisible characters.")
        raise Refused("name.control", wrong, say("Type it again instead of pasting it."))


def checked_address(text: str) -> str:
    """An IPv4 or IPv6 address in its normal form. Raises `Refused` address.syntax."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        wrong = say("{text} is not an IP address.", text=repr(visible(text)[:60]))
        raise Refused(
            "address.syntax", wrong, say("Write it like 192.0.2.10 or 2001:db8::10.")
        ) from None
