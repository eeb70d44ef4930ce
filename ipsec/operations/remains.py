"""Clear out of the kernel what a killed daemon has left there of former policies (IP-7)."""

import logging
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from itertools import product

from ipsec.associations import Association, Trap, protocol_and_port
from ipsec.kernel import (
    KernelPolicy,
    KernelUnreadable,
    installed_keys,
    installed_policies,
    remove,
    remove_keys,
)
from ipsec.models import Policy, Remains
from ipsec.names import resolve
from ipsec.policy.choices import Protocol
from ipsec.policy.rules import is_name

logger = logging.getLogger(__name__)
Selector = tuple[str, str, str, int, int]


def clear_remains(traps: Iterable[Trap], associations: Sequence[Association]) -> list[str]:
    """Remove each kernel policy of a former policy that nothing explains; its selectors.

    The keys between its two hosts too, when no policy of theirs is left.

    Args:
        traps, associations: what the daemon holds; none without a daemon.
    """
    rows = list(Remains.objects.all()[:1000])
    if not rows:
        return []
    held = _held_by_daemon(traps, associations)
    enabled = list(Policy.objects.enabled())
    names = {address for row in (*rows, *enabled) for address in _pair(row) if is_name(address)}
    resolved = resolve(names)
    # By their addresses: one policy may say by name what another says by number.
    wanted = {selector for row in enabled for selector in _selectors(row, resolved)}
    try:
        kernel = {(one.direction, one.selector): one for one in installed_policies()}
        removed = []
        for row in rows:
            removed += _remove(_selectors(row, resolved) - held - wanted, kernel)
            row.delete()
        removed += _remove_keys(rows, resolved, associations)
    except KernelUnreadable as error:
        logger.warning("what former policies left in the kernel stays there: %s", error)
        return []
    return removed


def _held_by_daemon(traps: Iterable[Trap], associations: Iterable[Association]) -> set[Selector]:
    """Selectors of outgoing packets."""
    sides = [(trap.local_selectors, trap.remote_selectors) for trap in traps]
    sides += [
        (child.local_selectors, child.remote_selectors)
        for association in associations
        for child in association.children
    ]
    held = set()
    for local, remote in sides:
        for ours, theirs in product(local, remote):
            protocol, source_port = protocol_and_port(ours)
            _, destination_port = protocol_and_port(theirs)
            hosts = ours.partition("[")[0], theirs.partition("[")[0]
            held.add((*hosts, protocol, source_port, destination_port))
    return held


def _remove(
    selectors: Iterable[Selector], kernel: dict[tuple[str, Selector], KernelPolicy]
) -> list[str]:
    removed = []
    for source, destination, protocol, source_port, destination_port in selectors:
        back = (destination, source, protocol, destination_port, source_port)
        there = (source, destination, protocol, source_port, destination_port)
        for direction, selector in (("out", there), ("in", back), ("fwd", back)):
            found = kernel.get((direction, selector))
            if found and found.is_ipsec and found.mode == "transport":
                remove(found)
                removed.append(f"{direction} {source} {destination}")
    return removed


def _remove_keys(
    rows: Iterable[Remains],
    resolved: dict[str, list[str]],
    associations: Iterable[Association],
) -> list[str]:
    """Of hosts between which the daemon has no association, and the kernel no policy that asks.

    Keys that a policy uses, whoever has installed it, are not ours to take.
    """
    used = {(one.local_host, one.remote_host) for one in associations}
    for policy in installed_policies():
        if policy.is_ipsec:
            hosts = policy.source.partition("/")[0], policy.destination.partition("/")[0]
            used |= {hosts, hosts[::-1]}
    pairs = {
        both
        for row in rows
        for both in product(*(resolved.get(host, [host]) for host in _pair(row)))
    }
    gone = {frozenset(both) for both in pairs - used}
    removed = []
    for one in installed_keys() if gone else ():
        if {one.source, one.destination} in gone:
            remove_keys(one)
            removed.append(f"keys {one.source} {one.destination}")
    return removed


def _selectors(row: Remains | Policy, resolved: dict[str, list[str]]) -> set[Selector]:
    """Of its outgoing packets, by the addresses that its names have now."""
    protocol = "" if row.protocol == Protocol.ANY else row.protocol
    sides = [resolved.get(address, [address]) for address in _pair(row)]
    return {
        (
            str(ip_network(ours)),
            str(ip_network(theirs)),
            protocol,
            row.source_port,
            row.destination_port,
        )
        for ours, theirs in product(*sides)
        if (":" in ours) == (":" in theirs)
    }


def _pair(row: Remains | Policy) -> tuple[str, str]:
    return row.source_address, row.destination_address
