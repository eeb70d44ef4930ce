"""The other side: export what it must be set to, read its export, compare with it (IP-2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.models import Action, Event, Node
from certificates.refusal import Refused
from certificates.sentence import say
from ipsec.exchange.comparison import Difference, closest, compare
from ipsec.exchange.formats import Format, written
from ipsec.exchange.mirror import mirror_of
from ipsec.exchange.reading import Exported, read_export
from ipsec.models import Policy


@dataclass(frozen=True, slots=True)
class PeerFile:
    """An export, ready to be downloaded."""

    name: str
    content_type: str
    content: bytes


@transaction.atomic
def export_peer(policies: Sequence[Policy], *, form: Format | str, actor: Actor) -> PeerFile:
    """What the peer of these policies must be set to; never holds a key. It is an event.

    Args:
        policies: of one peer.

    Raises:
        PermissionDenied: `actor` may not see policies.
        Refused: export.format, export.empty, export.several-peers, export.disagree,
            export.name, export.impossible.
    """
    actor.require(Permission.VIEW_POLICIES)
    try:
        chosen = Format(form)
    except ValueError:
        known = ", ".join(one.value for one in Format)
        wrong = say("There is no format {form}.", form=repr(str(form)[:40]))
        raise Refused("export.format", wrong, say("Choose one of {known}.", known=known)) from None
    name = Node.objects.filter(is_local=True).values_list("host_name", flat=True).first() or ""
    mirror = mirror_of(
        [row.definition for row in policies],
        made_by=name,
        made_at=timezone.now(),
        certificate_name=f"{name}.pem",
    )
    content = written(mirror, chosen)
    Event.objects.record_many(
        str(actor), Action.POLICY_EXPORT, [(row, {"format": chosen.value}) for row in policies]
    )
    return PeerFile(chosen.file_name(mirror), chosen.content_type, content)


def read_peer(data: bytes, *, actor: Actor) -> Exported:
    """What the other side's export says that this server must be set to; nothing is saved.

    Raises:
        PermissionDenied: `actor` may not see policies.
        Refused: exported.*, with the field and the value.
    """
    actor.require(Permission.VIEW_POLICIES)
    return read_export(data)


def compare_peer(policy: Policy, data: bytes, *, actor: Actor) -> list[Difference]:
    """Field by field, where the other side expects something else than `policy` says.

    Raises:
        PermissionDenied: `actor` may not see policies.
        Refused: exported.*; compare.none.
    """
    exported = read_peer(data, actor=actor)
    definition = policy.definition
    theirs = closest(definition, exported.policies)
    if theirs is None:
        source, destination = definition.pair
        wrong = say(
            "The export has no policy for {source} with {destination}.",
            source=source,
            destination=destination,
        )
        cure = say("Look whether the addresses are written alike on both sides, names or numbers.")
        raise Refused("compare.none", wrong, cure)
    return compare(definition, theirs)
