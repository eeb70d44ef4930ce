"""Several administrators at once: run in the worker, in threads or in processes."""

import multiprocessing
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pkgutil import resolve_name
from typing import Any

from django.db import connections
from django.utils import timezone

from certificates.models import Node, Purpose, RestartNotice, SigningRequest
from certificates.operations import acknowledge_backup, acknowledge_restart, save_node
from certificates.operations.copy_trust import Wanted, copy_trusted
from certificates.operations.delete import delete_trusted
from certificates.operations.examination import WARNINGS
from certificates.operations.import_many import import_trusted
from certificates.operations.request import cancel_request, reopen_request
from certificates.refusal import Refused
from tests.lab.changes import (
    ACTOR,
    deploy,
    install_shown,
    new_request,
    replace_certificate,
    roll_back_shown,
)

# The name of a function of this module, or "module:name" of another, and its arguments.
Act = tuple[str, list[Any]]
WON = "won"


def race(kind: str, acts: list[Act], delays: list[float]) -> list[tuple[str, float]]:
    """How each ended (won, a code of `Refused`, or an error), and after how many seconds.

    Args:
        kind: threads or processes.
        delays: how many seconds each waits after the common start.
    """
    connections.close_all()
    if kind == "threads":
        barrier = threading.Barrier(len(acts))
        with ThreadPoolExecutor(len(acts)) as threads:
            started = [
                threads.submit(_contend, act, delay, barrier)
                for act, delay in zip(acts, delays, strict=True)
            ]
            return [one.result() for one in started]
    fork = multiprocessing.get_context("fork")
    together, ends = fork.Barrier(len(acts)), fork.SimpleQueue()

    def child(number: int) -> None:
        ends.put((number, _contend(acts[number], delays[number], together)))

    children = [fork.Process(target=child, args=[number]) for number in range(len(acts))]
    for one in children:
        one.start()
    outcomes = dict(ends.get() for _ in children)
    for one in children:
        one.join()
    return [outcomes[number] for number in range(len(acts))]


def _contend(act: Act, delay: float, barrier: Any) -> tuple[str, float]:
    function: Callable[..., None] = resolve_name(
        act[0] if ":" in act[0] else f"{__name__}:{act[0]}"
    )
    outcome, begun = WON, 0.0
    try:
        Node.objects.exists()  # the connection stands before the start
        barrier.wait(30)
        time.sleep(delay)
        begun = time.monotonic()
        function(*act[1])
    except Refused as refused:
        outcome = refused.code
    except Exception as error:  # noqa: BLE001 - the test wants to see it
        outcome = f"{type(error).__name__}: {error}"
    finally:
        connections.close_all()
    return outcome, time.monotonic() - begun


# --- What each may do ----------------------------------------------------------------------------
def regenerate(seen: str, purpose: str = Purpose.TOMCAT) -> None:
    deploy(replace_certificate(seen, Purpose(purpose)).job)


def request(replacing: list[int]) -> None:
    new_request(replacing)


def request_for_both(replacing: list[int], first: int, second: int) -> None:
    """One multi-server request, made at either of its nodes."""
    new_request(replacing, Node.objects.get(pk=second), node=Node.objects.get(pk=first))


def cancel(pk: int) -> None:
    cancel_request(SigningRequest.objects.get(pk=pk), actor=ACTOR, now=timezone.now())


def reopen(pk: int) -> None:
    row = SigningRequest.objects.get(pk=pk)
    reopen_request(row, actor=ACTOR, now=timezone.now())


def install(answer: str, shown: str) -> None:
    deploy(*install_shown(bytes.fromhex(answer), shown).jobs)


def roll_back(shown: str) -> None:
    deploy(roll_back_shown(shown))


def delete(chosen: list[int], shown: str) -> None:
    deploy(*delete_trusted(chosen, shown=shown, actor=ACTOR, now=timezone.now()).jobs)


def bring_in(*ders: str) -> None:
    """Import files in DER, as hexadecimal text."""
    files = [(f"{number}.der", bytes.fromhex(der)) for number, der in enumerate(ders)]
    node, now = Node.objects.local(), timezone.now()
    for verdict in import_trusted(node, Purpose.TOMCAT_TRUST, files, actor=ACTOR, now=now):
        if verdict.failed:
            raise Refused(verdict.failed.code, verdict.failed.sentence, verdict.failed.cure)


def copy_all(target: int, fingerprints: list[str], shown: str) -> None:
    """Several certificates of this node's trust store to another."""
    node = Node.objects.get(pk=target)
    wanted = Wanted((Node.objects.local(),), tuple(fingerprints))
    by = {"confirmed": [WARNINGS], "actor": ACTOR, "now": timezone.now()}
    copy_trusted(node, Purpose.TOMCAT_TRUST, wanted, shown=shown, **by)  # type: ignore[arg-type]


def acknowledge_the_restart(pk: int) -> None:
    notice = RestartNotice.objects.get(pk=pk)
    acknowledge_restart(notice, actor=ACTOR, now=timezone.now())


def acknowledge_the_backup() -> None:
    acknowledge_backup(actor=ACTOR, now=timezone.now())


def rename(pk: int) -> None:
    row = Node.objects.get(pk=pk)
    name = f"{secrets.token_hex(4)}.example.com"
    save_node(row, host_name=name, addresses=row.addresses, role=row.role, actor=ACTOR)
