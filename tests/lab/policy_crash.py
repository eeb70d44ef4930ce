"""An apply of IPsec policies that is killed between its orders: run in the worker."""

import os
import signal
import socket
import sys
import traceback
from dataclasses import replace
from typing import Any

from django.db import connections

from ipsec.kernel import installed_policies
from ipsec.models import Policy
from ipsec.operations import (
    add_policy,
    apply,
    change_policy,
    delete_policies,
    listen,
    set_enabled,
    standings,
)
from ipsec.operations.wanted import intent
from ipsec.policy.choices import DhGroup, Hash, Protocol
from ipsec.policy.definition import Definition
from ipsec.standing import Leak, Word
from ipsec.strongswan import Daemon
from tests.lab.changes import ACTOR
from tests.lab.worker import say

HERE = "192.0.2.1"
KEYS = ("a-good-key-1234", "another-key-5678")
STAYS, CHANGES, REKEYED, PAIRED = "stays", "changes", "rekeyed", "paired"
GOES, COMES = "goes", "comes"
KEPT = (STAYS, CHANGES, REKEYED, PAIRED)  # what is enabled before and after
LAST = {name: number for number, name in enumerate((STAYS, CHANGES, REKEYED, GOES, COMES), 3)}


def begin() -> None:
    """What is in force before; the intent is changed, and nothing applied yet."""
    delete_policies(list(Policy.objects.all()), actor=ACTOR)
    rows = {name: _add(_definition(name), enabled=name != COMES) for name in LAST}
    beside = replace(_definition(STAYS), protocol=Protocol.TCP, destination_port=80)
    for port, name in enumerate((PAIRED, "leaves"), 80):
        _add(replace(beside, name=name, destination_port=port), enabled=True)
    apply(actor=ACTOR)
    changed = replace(_definition(CHANGES), hash=Hash.SHA512, phase_two_dh=DhGroup.OFF)
    change_policy(rows[CHANGES], changed, actor=ACTOR)
    row = rows[REKEYED]
    change_policy(row, row.definition, preshared_key=KEYS[1], actor=ACTOR)
    set_enabled([rows[GOES], Policy.objects.get(name="leaves")], enabled=False, actor=ACTOR)
    set_enabled([rows[COMES]], enabled=True, actor=ACTOR)


def apply_until_killed(point: int) -> dict[str, int]:
    """Apply in a child that kills itself after so many messages to the daemon; 0: it does not."""
    connections.close_all()
    child = os.fork()
    if child:
        return {"signal": os.WTERMSIG(os.waitpid(child, 0)[1])}
    sent = 0

    def watch(_frame: Any, event: str, function: Any) -> None:
        nonlocal sent
        if event == "c_return" and isinstance(getattr(function, "__self__", None), socket.socket):
            sent += function.__name__ == "sendall"
            if point and sent == point:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        sys.setprofile(watch)
        apply(actor=ACTOR)
        sys.setprofile(None)
        say({"sent": sent})
    except Exception:  # noqa: BLE001 - the process ends here; its log tells why
        traceback.print_exc()
    finally:
        os._exit(0)


def in_the_clear() -> list[str]:
    """Policies enabled before and after, whose traffic the kernel does not hold at this moment."""
    there = {(one.direction, one.selector) for one in installed_policies() if one.is_ipsec}
    found = []
    for row in Policy.objects.filter(name__in=KEPT):
        protocol = "" if row.protocol == Protocol.ANY else row.protocol
        hosts = f"{row.source_address}/32", f"{row.destination_address}/32"
        if ("out", (*hosts, protocol, 0, row.destination_port)) not in there:
            found.append(f"{row} leaves")
        if ("in", (*hosts[::-1], protocol, row.destination_port, 0)) not in there:
            found.append(f"{row} is let in")
    return found


def differences() -> list[str]:
    """Between what is intended and what daemon and kernel hold, after an apply."""
    wanted = intent().wanted
    children = {child for one in wanted.values() for child in one.connection.children.values()}
    with Daemon.open() as daemon:
        loaded, keys = daemon.connections(), daemon.shared_keys()
        traps = {trap.child for trap in daemon.traps()}
    found = []
    if set(loaded) != set(wanted):
        found.append(f"loaded {sorted(loaded)}")
    if {child for one in loaded.values() for child in one.children} != children:
        found.append("other children")
    if keys != {one.connection.key_name for one in wanted.values()}:
        found.append(f"keys {sorted(keys)}")
    if traps != children:
        found.append(f"traps {sorted(traps)}")
    rows = list(Policy.objects.all())
    for row, standing in zip(rows, standings(rows, listen()).values(), strict=True):
        is_held = standing.leak is Leak.BLOCKED
        if standing.word in {Word.DRIFT, Word.NOT_IN_FORCE} or is_held != row.is_enabled:
            found.append(f"{row}: {standing.word}, {standing.leak}: {standing.leak_sentence}")
    return found


def _definition(name: str) -> Definition:
    there = f"192.0.2.{LAST[name]}"
    return Definition(
        group="crash",
        name=name,
        protocol=Protocol.UDP,
        source_address=HERE,
        destination_address=there,
    )


def _add(definition: Definition, *, enabled: bool) -> Policy:
    confirmed = ["confirm.overlap"]
    return add_policy(
        definition, preshared_key=KEYS[0], enabled=enabled, confirmed=confirmed, actor=ACTOR
    )
