"""What happens to a packet that fits a policy: protected, blocked, or in the clear (IP-7)."""

import ipaddress
from collections.abc import Sequence

from certificates.sentence import lowered, say
from ipsec.associations import Child
from ipsec.kernel import KernelPolicy
from ipsec.policy.choices import Protocol
from ipsec.policy.definition import Definition
from ipsec.policy.rules import is_name
from ipsec.standing.words import Heard, Intended, Leak, Sightings

_LEAVES = say("No policy of the kernel holds this traffic: it leaves unprotected.")
_LET_IN = say("No policy of the kernel holds this traffic: it is let in unprotected.")


def leak(
    intended: Intended, heard: Heard, seen: Sightings, child: Child | None
) -> tuple[Leak, str]:
    """What happens to it, and why; `child` is what was negotiated for it, if anything was."""
    if heard.kernel is None:
        why = heard.kernel_silence
        return Leak.UNKNOWN, say("The kernel's policies can't be read: {reason}.", reason=why)
    definition = intended.definition
    hosts = _hosts(definition, seen)
    if hosts is None:
        return Leak.CLEAR, _unresolved(definition, seen)
    protocol = "" if definition.protocol is Protocol.ANY else definition.protocol.value
    ports = definition.source_port, definition.destination_port
    out = _find(heard, "out", (*hosts, protocol, *ports))
    back = _find(heard, "in", (*hosts[::-1], protocol, *ports[::-1]))
    if out is None or back is None:
        return Leak.CLEAR, _LEAVES if out is None else _LET_IN
    if hole := _hole(heard, (*hosts, protocol, *ports)):
        return Leak.CLEAR, say(
            "A policy of the kernel that others made lets a part of it pass as it is: {policy}.",
            policy=_told(hole),
        )
    has_keys = {_addresses(out), _addresses(back)} <= heard.keys
    if child is None and out.selector != (*hosts, protocol, *ports):
        fate = Leak.PROTECTED if has_keys and not out.is_block else Leak.BLOCKED
        return fate, say("A wider policy of the kernel holds this traffic.")
    return _held(intended, heard, child, is_passable=has_keys and not out.is_block)


def _unresolved(definition: Definition, seen: Sightings) -> str:
    """Why nothing holds the traffic of a host name that the daemon tells no address of."""
    if not seen.loaded:  # it has not been asked to resolve it
        return _LEAVES
    destination = definition.destination_address
    name = destination if is_name(destination) else definition.source_address
    return say("{name} was not resolved, so that none of its traffic is held.", name=name)


def _addresses(policy: KernelPolicy) -> tuple[str, str]:
    return policy.source.partition("/")[0], policy.destination.partition("/")[0]


def _held(
    intended: Intended, heard: Heard, child: Child | None, *, is_passable: bool
) -> tuple[Leak, str]:
    """What becomes of traffic that a policy of the kernel holds."""
    why = say("The kernel holds this traffic back, until a negotiation succeeds.")
    if child is not None:
        why = say(
            "The kernel holds this traffic back, as it has no keys, though the daemon tells of"
            " some."
        )
    if not intended.is_enabled:
        why = say("The kernel holds this traffic back, though the policy is disabled: an orphan.")
    blocked = Leak.BLOCKED, why
    if not is_passable:
        return blocked
    if child is not None:
        return Leak.PROTECTED, say(
            "Under the negotiated keys: {sent} packets out, {received} in since then.",
            sent=child.packets_out,
            received=child.packets_in,
        )
    if heard.silence:
        return Leak.PROTECTED, say(
            "Under keys that the daemon left in the kernel, until they expire."
        )
    return blocked


def _hosts(definition: Definition, seen: Sightings) -> tuple[str, str] | None:
    """The two hosts as networks; a name as the daemon has resolved it, None where it has not."""
    told: list[tuple[Sequence[str], Sequence[str]]] = [
        *((child.local_selectors, child.remote_selectors) for _, child in seen.children),
        *((trap.local_selectors, trap.remote_selectors) for trap in seen.traps),
    ]
    networks = []
    for index, address in enumerate(definition.pair):
        if is_name(address):
            known = [sides[index][0] for sides in told if sides[index]]
            if not known:
                return None
            networks.append(known[0].partition("[")[0])
        else:
            networks.append(str(ipaddress.ip_network(address)))
    return networks[0], networks[1]


def _find(
    heard: Heard, direction: str, wanted: tuple[str, str, str, int, int]
) -> KernelPolicy | None:
    """The kernel's policy that decides about this traffic; None where it lets it pass as it is."""
    candidates = [*heard.by_hosts.get((direction, *wanted[:2]), [])]
    candidates += [
        one for one in heard.of_networks if one.direction == direction and _holds(one, wanted[:2])
    ]
    fitting = [one for one in candidates if _fits(wanted[2:], one.selector[2:])]
    first = min(fitting, key=lambda one: (one.priority, one.selector != wanted), default=None)
    return first if first and (first.is_ipsec or first.is_block) else None


def _hole(heard: Heard, wanted: tuple[str, str, str, int, int]) -> KernelPolicy | None:
    """A policy that takes a part of this traffic before ours does, and asks for no protection."""
    back = (wanted[1], wanted[0], wanted[2], wanted[4], wanted[3])
    for direction, selector in (("out", wanted), ("in", back)):
        ours = _find(heard, direction, selector)
        for one in heard.by_hosts.get((direction, *selector[:2]), []):
            is_part = one.selector != selector and _fits(one.selector[2:], selector[2:])
            is_first = ours is None or one.priority <= ours.priority
            if is_part and is_first and not (one.is_ipsec or one.is_block):
                return one
    return None


def _told(policy: KernelPolicy) -> str:
    return say(
        "{direction}, {protocol}, port {source} to {destination}",
        direction=policy.direction,
        protocol=policy.protocol or say("any protocol"),
        source=policy.source_port or lowered(Protocol.ANY.label),
        destination=policy.destination_port or lowered(Protocol.ANY.label),
    )


def _holds(policy: KernelPolicy, hosts: tuple[str, str]) -> bool:
    """Whether both hosts are in its networks."""
    pairs = zip((policy.source, policy.destination), hosts, strict=True)
    try:
        return all(ipaddress.ip_address(host.partition("/")[0]) in ipaddress.ip_network(network)
                   for network, host in pairs)  # fmt: skip
    except ValueError:  # what is no network of IP concerns no host
        return False


def _fits(wanted: tuple[str, int, int], selector: tuple[str, int, int]) -> bool:
    return all(a == b or not b for a, b in zip(wanted, selector, strict=True))
