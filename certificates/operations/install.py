"""Installation: the local node with its certificates, and the groups (CM-9)."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import Group
from django.contrib.auth.models import Permission as DjangoPermission
from django.db import transaction
from django.db.models import Q

from certificates.access import GROUPS, Actor
from certificates.models import Node, Purpose, Role
from certificates.operations.generate import generate
from certificates.operations.monitoring.schedule import keep_schedules
from certificates.operations.node import save_node


def install(*, host_name: str, addresses: Sequence[str], actor: Actor, now: datetime) -> list[str]:
    """Make what is missing; says what it made. What is there is left as it is."""
    made = []
    make_groups()
    node = Node.objects.filter(is_local=True).first()
    if node is None:
        node = save_node(
            Node(is_local=True),
            host_name=host_name,
            addresses=addresses,
            role=Role.PUBLISHER,
            actor=actor,
        )
        made.append(f"node {node}")
    for purpose in Purpose.own():
        if not node.certificates.active().for_purpose(purpose).exists():
            done = generate(node, purpose, replacing="", actor=actor, now=now)
            made.append(f"self-signed {done.certificate}")
    made += [f"schedule of the {name}" for name in keep_schedules(now=now)]
    return made


def known_permissions() -> set[str]:
    """By code name; what a later version adds is not among them."""
    return set(DjangoPermission.objects.values_list("codename", flat=True))


@transaction.atomic
def grant_new_permissions(known: set[str]) -> None:
    """Give the groups what has come with this version; what was there before stays as it was set.

    Args:
        known: the permissions before the update.
    """
    for name, permissions in GROUPS.items():
        new = {p.value.split(".")[1] for p in permissions} - known
        for group in Group.objects.filter(name=name):
            group.permissions.add(*DjangoPermission.objects.filter(codename__in=new))


@transaction.atomic
def make_groups() -> None:
    """The groups that are missing; what an administrator changed in one stays as it is."""
    for name, permissions in GROUPS.items():
        group, created = Group.objects.get_or_create(name=name)
        if not created:
            continue
        wanted = Q(pk__in=[])
        for permission in permissions:
            app, codename = permission.value.split(".")
            wanted |= Q(content_type__app_label=app, codename=codename)
        group.permissions.add(*DjangoPermission.objects.filter(wanted))
