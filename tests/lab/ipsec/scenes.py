"""What is played in a laboratory: values of JSON in, what was seen comes out.

A scene begins with hosts that have no policy, and is played in the process that made the hosts.
"""

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.lab.ipsec.hosts import Host
from tests.lab.ipsec.product import Laboratory, Peer
from tests.lab.ipsec.traffic import exchange
from tests.lab.ipsec.wire import Kind, listening

KEY = "Laboratory-Key-1"
NAME = "lab/policy"
PATIENCE = 10.0  # seconds until a negotiation has ended, well or not
PAUSE = 0.02  # seconds between two looks
OTHER_PORT = 9
LOG = 6_000  # characters of charon's log that tell why


def clear(lab: Laboratory) -> None:
    """Neither host has a policy, or anything left of one."""
    for peer in lab.peers:
        if peer.host.charon is None:
            peer.host.start_charon()
        peer.product.do("delete_all")
    await_clean(lab)


def await_clean(lab: Laboratory) -> None:
    """Neither kernel holds a policy or an SA any more."""
    deadline = time.monotonic() + PATIENCE
    while any(left_over(lab)):
        assert time.monotonic() < deadline, "\n".join([*left_over(lab), *logs(lab)])
        time.sleep(PAUSE)


def await_that(holds: Callable[[], bool], host: Host) -> None:
    """Wait until something holds; else what the host's daemon has said."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, host.log[-LOG:]
        time.sleep(PAUSE)


def left_over(lab: Laboratory) -> list[str]:
    """What the kernels hold of policies and SAs; "" for nothing."""
    return [text for peer in lab.peers for text in (peer.host.states(), peer.host.policies())]


def between(first: Host, second: Host, fields: dict[str, Any]) -> dict[str, Any]:
    """A definition's fields, with a name and the addresses of the two hosts."""
    group, name = NAME.split("/")
    ends = {"source_address": first.ipv4, "destination_address": second.ipv4}
    return {"group": group, "name": name, **ends, **fields}


def bring_up(lab: Laboratory, fields: dict[str, Any], *, key: str = "") -> list[dict[str, Any]]:
    """A policy at the first host, and at the second what its export says; how both stand.

    Args:
        fields: of the first host's policy.
        key: pre-shared; "": `KEY`, unless certificates are used.
    """
    follow(lab, fields, key or ("" if fields.get("authentication") == "certificate" else KEY))
    return [settled(peer) for peer in lab.peers]


def follow(lab: Laboratory, fields: dict[str, Any], key: str) -> None:
    """The policy at the first host; the second does what its export says, and the first begins."""
    lab.first.product.do("add", fields, key, False)
    lab.second.product.do("follow", lab.first.product.do("export"), key)
    lab.first.product.do("enable", NAME)


def settled(peer: Peer, name: str = NAME) -> dict[str, Any]:
    """How a policy stands once it is in force, or after a while."""
    deadline = time.monotonic() + PATIENCE
    while True:
        standing: dict[str, Any] = peer.product.do("standing", name)
        if standing["word"] == "in force":
            return standing
        if time.monotonic() > deadline:
            return standing | {"log": peer.host.log[-LOG:]}
        time.sleep(PAUSE)


def meet(
    lab: Laboratory,
    fields: dict[str, Any],
    fitting: Sequence[dict[str, Any]] = ({"port": 8443},),
    others: Sequence[dict[str, Any]] = ({"port": OTHER_PORT, "protocol": "udp"},),
) -> dict[str, Any]:
    """Bring a policy up; send what fits it, and what does not.

    Args:
        fields: without addresses between the hosts' IPv4 ones; without protocol and port for TCP
            to port 8443.
        fitting, others: keywords of `traffic.exchange`.
    """
    clear(lab)
    first, second = (peer.host for peer in lab.peers)
    fields = between(first, second, {"protocol": "tcp", "destination_port": 8443} | fields)
    return {
        "standings": bring_up(lab, fields),
        "ike": first.associations(),
        "kernel": kernel_algorithms(first),
        "wire": watch(lab, *fitting, *others),
    }


def watch(lab: Laboratory, *exchanges: dict[str, Any]) -> dict[str, Any]:
    """What passes the cable while exchanges are tried: keywords of `traffic.exchange`."""
    with listening(lab.second.host) as capture:
        arrived = [exchange(lab.first.host, lab.second.host, **one) for one in exchanges]
    clear_text = {min(packet.ports) for packet in capture.packets if packet.kind is Kind.CLEAR}
    return {"arrived": arrived, "counts": capture.counts, "clear ports": sorted(clear_text)}


def kernel_algorithms(host: Host) -> list[list[str]]:
    """Mode and algorithms, with the bits of their keys, of each ESP SA in the kernel; sorted."""
    found = []
    for block in re.split(r"^(?=src )", host.states(), flags=re.MULTILINE)[1:]:
        mode = re.search(r"proto esp .*mode (\w+)", block)
        algorithms = re.findall(r"^\s+(?:enc|auth-trunc|auth|aead) (\S+ \d+) bits", block, re.M)
        found.append([mode[1] if mode else "?", *sorted(algorithms)])
    return sorted(found)


def logs(lab: Laboratory) -> list[str]:
    """The end of what the two daemons have said."""
    return [peer.host.log[-LOG:] for peer in lab.peers]
