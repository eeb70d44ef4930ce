"""What is played in a laboratory: values of JSON in, what was seen comes out.

A scene begins with hosts that have no policy, and is played in the process that made the hosts.
"""

import re
import time
from collections.abc import Callable
from typing import Any

from tests.lab.ipsec.hosts import Host
from tests.lab.ipsec.product import Laboratory, Peer
from tests.lab.ipsec.traffic import exchange
from tests.lab.ipsec.wire import Kind, listening

KEY = "Laboratory-Key-1"
NAME = "lab/policy"
PATIENCE = 15.0  # seconds until a negotiation has ended, well or not
PAUSE = 0.02  # seconds between two looks
OTHER_PORT = 9
_SIDES = ("address", "port")


def clear(lab: Laboratory) -> None:
    """Neither host has a policy, or anything left of one."""
    for peer in lab.peers:
        peer.product.do("delete_all")
    await_that(lambda: not any(left_over(lab)), "policies or SAs are left in the kernel")


def left_over(lab: Laboratory) -> list[str]:
    """What the kernels hold of policies and SAs; "" for nothing."""
    return [text for peer in lab.peers for text in (peer.host.states(), peer.host.policies())]


def await_that(holds: Callable[[], bool], otherwise: str, seconds: float = PATIENCE) -> float:
    """Wait until something holds; how many seconds that took."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, otherwise
        time.sleep(PAUSE)
    return time.monotonic() - begun


def counterpart(fields: dict[str, Any]) -> dict[str, Any]:
    """The same policy as the other host sees it."""
    turned = dict(fields)
    for side in _SIDES:
        for name, other in (("source", "destination"), ("destination", "source")):
            turned.pop(f"{name}_{side}", None)
            if f"{other}_{side}" in fields:
                turned[f"{name}_{side}"] = fields[f"{other}_{side}"]
    return turned


def between(first: Host, second: Host, fields: dict[str, Any], family: int = 4) -> dict[str, Any]:
    """A definition's fields, with a name and the addresses of the two hosts."""
    group, name = NAME.split("/")
    kind = "ipv6" if family == 6 else "ipv4"
    ends = {"source_address": getattr(first, kind), "destination_address": getattr(second, kind)}
    return {"group": group, "name": name, **ends, **fields}


def bring_up(lab: Laboratory, fields: dict[str, Any], *, key: str = KEY) -> list[dict[str, Any]]:
    """The second host follows, then the first begins; how both stand in the end."""
    lab.second.product.do("add", counterpart(fields), key)
    lab.first.product.do("add", fields, key)
    return [settled(peer) for peer in lab.peers]


def settled(peer: Peer, name: str = NAME) -> dict[str, Any]:
    """How a policy stands once it is in force, or after a while."""
    deadline = time.monotonic() + PATIENCE
    while True:
        standing: dict[str, Any] = peer.product.do("standing", name)
        if standing["word"] == "in force" or time.monotonic() > deadline:
            return standing
        time.sleep(PAUSE)


def meet(lab: Laboratory, fields: dict[str, Any], family: int = 4) -> dict[str, Any]:
    """Bring a policy for one TCP port up; send what fits it, and what does not."""
    clear(lab)
    first, second = (peer.host for peer in lab.peers)
    fields = {"protocol": "tcp", "destination_port": 8443, **fields}
    seen: dict[str, Any] = {"standings": bring_up(lab, between(first, second, fields, family))}
    seen["ike"] = first.associations()
    seen["kernel"] = kernel_algorithms(first)
    fitting = {"port": fields["destination_port"], "protocol": fields["protocol"]}
    seen["wire"] = watch(lab, fitting, {"port": OTHER_PORT, "protocol": "udp"}, family=family)
    return seen


def watch(lab: Laboratory, *exchanges: dict[str, Any], **common: Any) -> dict[str, Any]:
    """What passes the cable while exchanges are tried: keywords of `traffic.exchange`."""
    with listening(lab.second.host) as capture:
        arrived = [exchange(lab.first.host, lab.second.host, **(common | one)) for one in exchanges]
    clear_text = {min(packet.ports) for packet in capture.packets if packet.kind is Kind.CLEAR}
    return {"arrived": arrived, "counts": capture.counts, "clear ports": sorted(clear_text)}


def kernel_algorithms(host: Host) -> list[list[str]]:
    """Mode and algorithms of each ESP SA in the kernel, without keys; sorted."""
    found = []
    for block in re.split(r"^(?=src )", host.states(), flags=re.MULTILINE)[1:]:
        mode = re.search(r"proto esp .*mode (\w+)", block)
        algorithms = re.findall(r"^\s+(?:enc|auth-trunc|auth|aead) (\S+) (?:0x(\S*))?", block, re.M)
        sizes = [f"{name} {len(key) * 4}" for name, key in algorithms]
        found.append([mode[1] if mode else "?", *sorted(sizes)])
    return sorted(found)
