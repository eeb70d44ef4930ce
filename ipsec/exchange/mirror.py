"""The mirror image of policies: what their peer must be set to, so that the two agree."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible
from ipsec.policy.choices import Authentication, PeerType
from ipsec.policy.definition import FIELD_LABELS, IKE_PORT, SHARED_FIELDS, Definition
from ipsec.policy.rules import NAME
from ipsec.policy.terms import NAT_PORT

_ADDRESS = re.compile(r"[A-Za-z0-9.:-]{1,253}")


def counterpart(definition: Definition, *, certificate_name: str = "") -> Definition:
    """What the destination of `definition` must be set to.

    Names, algorithms and life times stay. A daemon that talks to another IKE port than 500 does
    so from its port 4500 (RFC 7296, 2.23), so that is where its peer finds it.

    Args:
        certificate_name: of our own certificate, as the peer shall know it. Used only where the
            policies name the certificate of the other side (Peer Type Different).
    """
    return replace(
        definition,
        certificate_name=certificate_name if names_certificate(definition) else "",
        source_address=definition.destination_address,
        source_port=definition.destination_port,
        destination_address=definition.source_address,
        destination_port=definition.source_port,
        remote_port=IKE_PORT if definition.remote_port == IKE_PORT else NAT_PORT,
    )


def names_certificate(definition: Definition) -> bool:
    """Whether it accepts one named certificate of its peer, and no other."""
    is_by_certificate = definition.authentication is Authentication.CERTIFICATE
    return is_by_certificate and definition.peer_type is PeerType.DIFFERENT


@dataclass(frozen=True, slots=True)
class Connection:
    """What one pair of hosts shares, as the peer sees it, and the policies that it carries.

    `listens_at`: the UDP port at which our policies expect the peer's IKE daemon.
    """

    policies: tuple[Definition, ...]
    listens_at: int

    @property
    def shared(self) -> Definition:
        """Any of them: they agree in everything that is of the connection."""
        return self.policies[0]

    @property
    def name(self) -> str:
        """Of the host that the peer talks to, in characters that every product takes."""
        return "ccxsec-" + re.sub(r"[^A-Za-z0-9]+", "-", self.shared.destination_address).strip("-")

    @property
    def is_by_key(self) -> bool:
        return self.shared.authentication is Authentication.PRESHARED_KEY

    @property
    def is_pinned(self) -> bool:
        return names_certificate(self.shared)


@dataclass(frozen=True, slots=True)
class Mirror:
    """All that an export says: for one peer, the counterparts of some of our policies.

    `made_by`: host name of this server; `made_at`: UTC.
    """

    connections: tuple[Connection, ...]
    made_by: str
    made_at: datetime

    @property
    def policies(self) -> list[Definition]:
        return [policy for connection in self.connections for policy in connection.policies]

    @property
    def peer(self) -> str:
        """The address or host name of the peer."""
        return self.connections[0].shared.source_address


def mirror_of(
    definitions: Sequence[Definition],
    *,
    made_by: str,
    made_at: datetime,
    certificate_name: str = "",
) -> Mirror:
    """The counterparts of our policies with one peer, ready to be written in any format.

    Args:
        definitions: ours, in the order in which they are to be written.
        certificate_name: of our own certificate, see `counterpart`.

    Raises:
        Refused: export.empty, export.several-peers, export.disagree, export.name.
    """
    if not definitions:
        raise Refused(
            "export.empty", say("No policy was chosen."), say("Choose at least one to export.")
        )
    peers = sorted({definition.destination_address for definition in definitions})
    if len(peers) > 1:
        wrong = say(
            "These policies lead to {count} peers: {peers}.",
            count=len(peers),
            peers=visible(", ".join(peers)),
        )
        raise Refused("export.several-peers", wrong, say("Make an export for each peer by itself."))
    _refuse_odd_names(definitions)
    pairs: dict[tuple[str, str], list[Definition]] = {}
    for definition in definitions:
        pairs.setdefault(definition.pair, []).append(definition)
    connections = [_connection(ours, certificate_name) for ours in pairs.values()]
    return Mirror(tuple(connections), made_by=made_by, made_at=made_at)


def _connection(ours: list[Definition], certificate_name: str) -> Connection:
    first = ours[0]
    for other in ours[1:]:
        for field in SHARED_FIELDS:
            if getattr(first, field) != getattr(other, field):
                wrong = say(
                    "{first} and {other} differ in {label}.",
                    first=first,
                    other=other,
                    label=FIELD_LABELS[field],
                )
                cure = say("Policies of one pair of hosts share it: make them agree, then export.")
                raise Refused("export.disagree", wrong, cure)
    turned = [counterpart(definition, certificate_name=certificate_name) for definition in ours]
    return Connection(tuple(turned), listens_at=first.remote_port)


def _refuse_odd_names(definitions: Sequence[Definition]) -> None:
    """What is written into a configuration of another product must not be able to change it."""
    for definition in definitions:
        for field in ("group", "name", "source_address", "destination_address"):
            value, grammar = getattr(definition, field), NAME
            if field.endswith("address"):
                grammar = _ADDRESS
            if not grammar.fullmatch(value):
                wrong = say(
                    "{label} {value} can't be written into an export.",
                    label=FIELD_LABELS[field],
                    value=repr(visible(value)),
                )
                raise Refused("export.name", wrong, say("Correct the policy, then export it."))
