"""Scenes in which something ends, breaks or changes: nothing that fits may leave in the clear."""

import signal
import time
from typing import Any

from tests.lab.ipsec.product import Laboratory
from tests.lab.ipsec.scenes import (
    KEY,
    NAME,
    OTHER_PORT,
    await_clean,
    between,
    bring_up,
    clear,
    kernel_algorithms,
    left_over,
    settled,
    watch,
)

FITTING = {"port": 8443}
OTHER = {"port": OTHER_PORT, "protocol": "udp"}
ONE_PORT = {"protocol": "tcp", "destination_port": 8443}


def _start(lab: Laboratory, fields: dict[str, Any]) -> list[dict[str, Any]]:
    clear(lab)
    return bring_up(lab, between(lab.first.host, lab.second.host, ONE_PORT | fields))


def disable(lab: Laboratory, fields: dict[str, Any]) -> dict[str, Any]:
    """Bring it up, disable it at both hosts, send what fitted it."""
    seen: dict[str, Any] = {"before": _start(lab, fields), "held": list(map(bool, left_over(lab)))}
    for peer in lab.peers:
        peer.product.do("enable", NAME, False)
    await_clean(lab)
    seen["daemons"] = [peer.host.associations() for peer in lab.peers]
    seen["after"] = [peer.product.do("standing", NAME) for peer in lab.peers]
    return seen | {"wire": watch(lab, FITTING)}


def disconnect(lab: Laboratory, fields: dict[str, Any]) -> dict[str, Any]:
    """Disconnect at the first host; then traffic comes."""
    seen: dict[str, Any] = {"before": _start(lab, fields)}
    lab.first.product.do("disconnect", NAME)
    seen["between"] = [peer.product.do("standing", NAME) for peer in lab.peers]
    seen["wire"] = watch(lab, FITTING, OTHER)
    return seen | {"after": [settled(peer) for peer in lab.peers]}


def wrong_key(lab: Laboratory, fields: dict[str, Any]) -> dict[str, Any]:
    """The two hosts have different keys."""
    clear(lab)
    first, second = lab.peers
    first.product.do("add", between(first.host, second.host, ONE_PORT | fields), KEY, False)
    second.product.do("follow", first.product.do("export"), KEY[::-1])
    first.product.do("enable", NAME)
    wire = watch(lab, FITTING | {"seconds": 1.5}, OTHER)
    return {"standings": [peer.product.do("standing", NAME) for peer in lab.peers], "wire": wire}


def kill(lab: Laboratory, fields: dict[str, Any]) -> dict[str, Any]:
    """The first host's daemon is killed and comes back; only the product's listener acts."""
    for peer in lab.peers:
        peer.product.do("start_listening")
    seen: dict[str, Any] = {"before": _start(lab, fields)}
    host = lab.first.host
    host.end_charon(signal.SIGKILL)
    seen["while dead"] = watch(lab, FITTING | {"seconds": 1.0}, OTHER)
    begun = time.monotonic()
    host.start_charon()
    seen["after"] = [settled(peer) for peer in lab.peers]
    seen["seconds"] = time.monotonic() - begun
    seen["wire"] = watch(lab, FITTING, OTHER)
    clear(lab)  # also of the keys that the killed daemon had left in the kernel
    return seen


def change(lab: Laboratory, fields: dict[str, Any], to: dict[str, Any]) -> dict[str, Any]:
    """Both hosts change the policy; the seconds from the last Save until it is negotiated."""
    seen: dict[str, Any] = {"before": _start(lab, fields)}
    lab.second.product.do("change", NAME, to)
    begun = time.monotonic()
    lab.first.product.do("change", NAME, to)
    seen["after"] = [settled(peer) for peer in lab.peers]
    seen["seconds"] = time.monotonic() - begun
    seen["kernel"] = kernel_algorithms(lab.first.host)
    return seen | {"wire": watch(lab, FITTING, OTHER)}
