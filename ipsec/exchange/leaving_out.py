"""Policies that another product can't express are left out and named, never written wrongly."""

from collections.abc import Callable
from dataclasses import dataclass

from certificates.refusal import Refused
from certificates.sentence import say, together
from ipsec.exchange.mirror import Connection, Mirror
from ipsec.policy.definition import Definition


@dataclass(frozen=True, slots=True)
class Sorted:
    """What can be written, and a sentence about each policy that can't."""

    connections: tuple[Connection, ...]
    left_out: tuple[str, ...]


def sort_out(
    mirror: Mirror, product: str, obstacle: Callable[[Connection, Definition], str]
) -> Sorted:
    """Part the policies of `mirror` by what `product` can express.

    Args:
        obstacle: says of a policy and its connection what the product lacks ("has no
            ChaCha20-Poly1305"), or "".

    Raises:
        Refused: export.impossible, when nothing can be written.
    """
    connections, left_out = [], []
    for connection in mirror.connections:
        kept = []
        for policy in connection.policies:
            reason = obstacle(connection, policy)
            if reason:
                left_out.append(
                    say(
                        "{policy} is left out: {product} {reason}.",
                        policy=policy,
                        product=product,
                        reason=reason,
                    )
                )
            else:
                kept.append(policy)
        if kept:
            connections.append(Connection(tuple(kept), connection.listens_at))
    if not connections:
        wrong = together(*left_out)
        cure = say("Choose what both products have in the policy, or export in another format.")
        raise Refused("export.impossible", wrong, cure)
    return Sorted(tuple(connections), tuple(left_out))
